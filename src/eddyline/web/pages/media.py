"""The files of assets, for players and downloads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from eddyline.core.name_rules import is_plain_path
from eddyline.pipeline.planning.output_layout import asset_key
from eddyline.web import problems
from eddyline.web.auth.dependencies import Reader
from eddyline.web.services import WithServices
from eddyline.web.stored_files import serve_file
from eddyline.web.visible_assets import find_asset

router = APIRouter()


@router.api_route("/media/{asset}/{path:path}", methods=["GET", "HEAD"])
def media(
    request: Request,
    services: WithServices,
    principal: Reader,
    asset: str,
    path: str,
    download: Annotated[bool, Query(description="Save the file instead of showing it.")] = False,  # noqa: FBT002
) -> Response:
    """One file of an asset, with ranges. The poster exists before the asset is published."""
    found = find_asset(services, principal, asset)
    if not is_plain_path(path):
        raise problems.not_found()
    name = download_name(found.name, path) if download else ""
    return serve_file(request, services.store, asset_key(asset, path), download=name)


def download_name(asset_name: str, path: str) -> str:
    """The name under which a file of an asset is saved: "GX010001-1080p.mp4" of "renditions/1080p.mp4"."""
    stem = asset_name.rsplit(".", 1)[0]
    file = path.rsplit("/", 1)[-1]
    return f"{stem}-{file}" if stem else file
