"""What a share link shows to strangers: a page with the player, and the files that it plays.

The link is checked for every file, and so for every segment: once it is revoked or expired, playing stops.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from eddyline.core.coordinates import contains_location
from eddyline.core.errors import EddylineError
from eddyline.core.formatting import format_size, printable_line
from eddyline.library.shared_files import SharedFiles
from eddyline.library.shares import Share, Shares
from eddyline.pipeline.planning.output_layout import asset_key
from eddyline.pipeline.publication.published import read_manifest
from eddyline.store.store import Store
from eddyline.web.auth.failures import refuse_if_limited
from eddyline.web.pages.media import download_name
from eddyline.web.pages.render import render
from eddyline.web.problems import not_found
from eddyline.web.services import Services, WithServices
from eddyline.web.stored_files import serve_file

router = APIRouter()

_ROBOTS = {"X-Robots-Tag": "noindex, nofollow, noarchive"}
_PAGE_HEADERS = {**_ROBOTS, "Cache-Control": "no-store"}
_MAX_NAME = 200
_MAX_TEXT = 8 << 20  # bytes of a text file; a longer one is not served


@router.get("/s/{secret}")
def shared_page(request: Request, services: WithServices, secret: str) -> Response:
    """The page of a share link."""
    share, files = _find(request, services, secret)
    asset = services.ledger.catalogue.get(share.asset)
    name = printable_line(asset.name if asset else "", _MAX_NAME)
    summary = files.summary()
    page = render(
        request,
        "shared.html",
        None,
        name=name,
        facts=_facts(secret, name, summary),
        downloads=[
            {
                "url": f"{_url(secret, each['path'])}?download=true",
                "name": f"{each['name']}, {each['width']} × {each['height']}",  # noqa: RUF001 - a multiplication sign
                "size": format_size(int(each["bytes"] or 0)),
            }
            for each in summary["renditions"]
        ],
        track={kind: _url(secret, path) for kind, path in summary["track"].items() if path},
    )
    page.headers.update(_PAGE_HEADERS)
    return page


@router.api_route("/s/{secret}/files/{path:path}", methods=["GET", "HEAD"])
def shared_file(
    request: Request, services: WithServices, secret: str, path: str, *, download: bool = False
) -> Response:
    """One file of a share link, with ranges. Raises `Problem` 404 for all that the link does not show."""
    share, files = _find(request, services, secret)
    if not files.allows(path):
        raise not_found()
    key = asset_key(share.asset, path)
    if files.must_be_searched(path):
        _search(services.store, key)
    saved = download_name(share.asset, path) if download and share.downloads else ""
    response = serve_file(request, services.store, key, download=saved)
    response.headers.update(_ROBOTS)
    return response


def _find(request: Request, services: Services, secret: str) -> tuple[Share, SharedFiles]:
    """A valid link, and what it shows of its published asset. Raises `Problem` 404 and 429."""
    share = Shares(services.ledger).authenticate(secret)
    if share is None:
        refuse_if_limited(request, services.clock.now())
        raise not_found()
    manifest = read_manifest(services.store, share.asset)
    if manifest is None:
        raise not_found()
    return share, SharedFiles(manifest=manifest, location=share.location, downloads=share.downloads)


def _search(store: Store, key: str) -> None:
    """Raises `Problem` 404 for a text file that contains a location."""
    try:
        size = store.size(key)
        if size is None or size > _MAX_TEXT or contains_location(store.get(key)):
            raise not_found()
    except EddylineError:
        raise not_found() from None


def _url(secret: str, path: str | None) -> str:
    return f"/s/{secret}/files/{quote(path)}" if path else ""


def _facts(secret: str, name: str, summary: dict[str, Any]) -> dict[str, Any]:
    """The values for the player, as the page of the asset passes them."""
    return {
        "label": name,
        "hls": _url(secret, summary["stream"]["hls"]),
        "dash": _url(secret, summary["stream"]["dash"]),
        "mp4": _url(secret, summary["renditions"][0]["path"]) if summary["renditions"] else "",
        "poster": _url(secret, summary["pictures"]["poster"]),
        "storyboard": _url(secret, summary["pictures"]["storyboard"]),
        "chapters": _url(secret, summary["chapters"]),
        "subtitles": [
            {
                "url": _url(secret, each["path"]),
                "language": each["language"],
                "label": each["title"] or each["language"],
            }
            for each in summary["subtitles"]
            if each["path"]
        ],
    }
