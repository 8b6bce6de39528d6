"""Assets: list, get, create."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from eddyline.graph.ledger.catalogue.asset import AssetFilters, AssetState, Box, Order
from eddyline.library.idempotency import Answer
from eddyline.library.progress.asset_progress import read_progress
from eddyline.pipeline.planning.output_layout import manifest_key
from eddyline.pipeline.publication.preview_files import preview_path
from eddyline.pipeline.publication.published import read_manifest
from eddyline.web.api import asset_views as views
from eddyline.web.api.errors import declare
from eddyline.web.auth.dependencies import Reader, Writer
from eddyline.web.auth.principal import Principal
from eddyline.web.csv_export import csv_response, wants_csv
from eddyline.web.idempotent import IdempotencyKey, once
from eddyline.web.new_assets import NewAsset, import_object, import_url, owner_of, submit_upload
from eddyline.web.problems import Problem
from eddyline.web.services import Services, WithServices
from eddyline.web.stored_files import serve_file
from eddyline.web.upload_services import WithUploads
from eddyline.web.visible_assets import find_asset

router = APIRouter(tags=["assets"])
_MAX_LIMIT = 500
_CSV_PAGE = 1000
_MAX_TIME = 1e11
Time = Annotated[float | None, Query(ge=-_MAX_TIME, le=_MAX_TIME, allow_inf_nan=False)]


@router.get(
    "/assets",
    response_model=views.AssetList,
    responses={**declare(400, 422), 200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def list_assets(
    request: Request,
    services: WithServices,
    principal: Reader,
    *,
    q: Annotated[str, Query(max_length=200, description="Words that the name or the camera contains.")] = "",
    state: Annotated[list[AssetState] | None, Query(description="Any of these states.")] = None,
    camera: Annotated[str, Query(max_length=200, description="The whole name of a camera.")] = "",
    owner: Annotated[
        str | None, Query(max_length=200, description="Only assets of this owner; for administrators.")
    ] = None,
    captured_from: Time = None,
    captured_to: Time = None,
    box: Annotated[
        str,
        Query(
            max_length=100,
            description="Tracks that touch a part of the map: west,south,east,north in degrees.",
            examples=["13.4,46.2,13.6,46.4"],
        ),
    ] = "",
    order: Annotated[
        Order, Query(description="By the time at which assets were added.")
    ] = Order.CREATED_DESC,
    limit: Annotated[int, Query(ge=1, le=_MAX_LIMIT)] = 50,
    after: Annotated[str, Query(max_length=2000, description="`next` of the page before.")] = "",
    counts: Annotated[bool, Query(description="Also count all that match, by state.")] = False,
    format: Annotated[  # noqa: A002 - the name of the parameter
        Literal["json", "csv", ""], Query(description="csv: all that match, as a file.")
    ] = "",
) -> Response:
    """List assets, newest first.

    Walk the pages by `next`: every asset that exists from the start to the end is listed exactly once.
    """
    filters = AssetFilters(
        owner=_owner(principal, owner),
        states=tuple(state or ()),
        text=_text(q),
        camera=_text(camera),
        captured_from=captured_from,
        captured_to=captured_to,
        box=parse_box(box) if box else None,
    )
    if wants_csv(request, format):
        rows = _rows(services, principal, filters, order, after)
        return csv_response("assets", views.COLUMNS, rows)
    page = services.ledger.catalogue.page(filters, limit=limit, after=after, order=order)
    progress = services.progress.read(views.processing(page.assets))
    body: dict[str, Any] = {
        "assets": [views.asset_json(each, principal, progress.get(each.asset)) for each in page.assets],
        "next": page.next,
    }
    if counts:
        body["counts"] = services.ledger.catalogue.count(filters)
    headers = {"Cache-Control": "private, no-cache"}
    if page.next:
        query = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
        headers["Link"] = f'<{request.url.path}?{urlencode([*query, ("after", page.next)])}>; rel="next"'
    return JSONResponse(body, headers=headers)


@router.get("/assets/{asset}", response_model=views.AssetDetails, responses=declare(404, 422))
def get_asset(services: WithServices, principal: Reader, asset: str) -> Response:
    """Get an asset: its facts, its progress with a reason, and a summary of its manifest.

    While it is processed, `links.preview` is an HLS stream of what is encoded already, once there is one.
    """
    found = find_asset(services, principal, asset)
    progress = read_progress(services.ledger, services.pools, views.processing((found,))).get(asset)
    manifest = read_manifest(services.store, asset) if found.state is AssetState.READY else None
    body = views.asset_json(found, principal, progress)
    if found.state is AssetState.PROCESSING and (path := preview_path(services.store, asset)):
        body["links"]["preview"] = f"/media/{asset}/{path}"
    return JSONResponse(
        {**body, "manifest": views.manifest_summary(manifest)}, headers={"Cache-Control": "private, no-cache"}
    )


@router.get("/assets/{asset}/manifest", responses=declare(404, 416, 422))
def get_manifest(request: Request, services: WithServices, principal: Reader, asset: str) -> Response:
    """Get the manifest of a published asset (docs/reference/manifest.md)."""
    find_asset(services, principal, asset)
    return serve_file(request, services.store, manifest_key(asset))


@router.post(
    "/assets",
    status_code=HTTPStatus.ACCEPTED,
    response_model=views.AcceptedAsset,
    responses=declare(400, 404, 409, 413, 415, 422, 429, 503, 507),
)
def create_asset(
    request: Request,
    services: WithServices,
    principal: Writer,
    uploads: WithUploads,
    new: NewAsset,
    idempotency_key: IdempotencyKey = "",
) -> Response:
    """Create an asset. The same content with the same profile gives the same asset again."""

    def create() -> Answer:
        if new.upload is not None:
            return _accepted(submit_upload(uploads, new.upload, principal), upload=new.upload)
        if new.key is not None:
            return _accepted(import_object(services, new, new.key, owner_of(new, principal)).asset)
        assert new.url is not None  # noqa: S101 - NewAsset has exactly one source
        return _accepted(None, upload=import_url(services, new, new.url, owner_of(new, principal)).id)

    return once(services, principal, request, idempotency_key, new, create)


def _accepted(asset: str | None, *, upload: str | None = None) -> Answer:
    """The answer to a creation; Location is the asset, or the upload until it has one."""
    links = {"upload": f"/api/v1/uploads/{upload}"} if upload else {}
    if asset:
        links["asset"] = f"/api/v1/assets/{asset}"
    return Answer(
        status=HTTPStatus.ACCEPTED,
        headers={"Location": links.get("asset") or links["upload"]},
        body={"asset": asset, "upload": upload, "links": links},
    )


def parse_box(text: str) -> Box:
    """West, south, east, north in degrees; west is greater than east across the meridian of 180 degrees.

    Raises `Problem` 400.
    """
    try:
        west, south, east, north = map(float, text.split(","))
        valid = -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90  # noqa: PLR2004 - degrees
    except ValueError:
        valid = False
    if not valid:
        raise Problem(
            HTTPStatus.BAD_REQUEST, "the box is invalid", remedy="write west,south,east,north in degrees"
        )
    return Box(min_lat=south, min_lon=west, max_lat=north, max_lon=east)


def _owner(principal: Principal, wanted: str | None) -> str | None:
    """The owner whose assets are listed; of another one than itself only an administrator sees any."""
    if principal.sees is None or wanted is None:
        return principal.sees if wanted is None else wanted
    if wanted != principal.sees:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "only administrators list the assets of other owners",
            remedy="leave out owner, or use a token with scope admin",
        )
    return wanted


def _text(text: str) -> str:
    """A text for the database. Raises `Problem` 400 for a zero byte, which PostgreSQL cannot store."""
    if "\0" in text:
        raise Problem(HTTPStatus.BAD_REQUEST, "the text contains a zero byte", remedy="remove it")
    return text


def _rows(
    services: Services, principal: Principal, filters: AssetFilters, order: Order, after: str
) -> Iterator[dict[str, Any]]:
    """All assets that match, page by page. The first page is read at once: an invalid cursor is an error."""
    catalogue = services.ledger.catalogue
    first = catalogue.page(filters, limit=_CSV_PAGE, after=after, order=order)

    def rows() -> Iterator[dict[str, Any]]:
        page = first
        while True:
            for each in page.assets:
                yield views.asset_row(each, principal)
            if not page.next:
                return
            page = catalogue.page(filters, limit=_CSV_PAGE, after=page.next, order=order)

    return rows()
