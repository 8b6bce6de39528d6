"""Share links of assets."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from eddyline.graph.ledger.catalogue.asset import Asset
from eddyline.library.shared_files import renditions_have_location
from eddyline.library.shares import Share, Shares
from eddyline.pipeline.publication.published import read_manifest
from eddyline.web.api.errors import declare
from eddyline.web.auth.dependencies import Reader, Writer
from eddyline.web.problems import Problem, not_found
from eddyline.web.services import Services, WithServices
from eddyline.web.visible_assets import find_asset

router = APIRouter(tags=["shares"])

_DAY_S = 86_400
_DEFAULT_S = 30 * _DAY_S
_LONGEST_S = 3650 * _DAY_S


class ShareBody(BaseModel):
    """A share link without its address."""

    id: str
    asset: str
    name: str = Field(description="The name of the asset.")
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    location: bool = Field(description="Whether it shows where the asset was recorded.")
    downloads: bool = Field(description="Whether strangers may save the renditions.")
    valid: bool = Field(description="Whether it is neither expired nor revoked.")


class ShareList(BaseModel):
    """Share links, the newest first."""

    shares: list[ShareBody]


class CreatedShare(ShareBody):
    """A new share link with its address, which cannot be read again."""

    url: str = Field(examples=["https://media.example.com/s/Zk3vT0q9bYw1uXc7Rr2mNQ"])


class CreateShare(BaseModel):
    """The request for a share link."""

    model_config = ConfigDict(extra="forbid")

    expires_s: int | None = Field(
        default=_DEFAULT_S,
        strict=True,
        ge=60,
        le=_LONGEST_S,
        description="Seconds until it expires; null: it does not expire.",
        examples=[7 * _DAY_S],
    )
    location: bool = Field(
        default=False, strict=True, description="Whether it shows where the asset was recorded."
    )
    downloads: bool = Field(
        default=False,
        strict=True,
        description="Whether strangers may save the renditions. Renditions contain the camera's telemetry, "
        "so that this requires `location` if there is any.",
    )


@router.get("/shares", summary="List all share links")
def list_all(services: WithServices, principal: Reader) -> ShareList:
    """The share links of the owner's assets; for administrators, those of all owners."""
    return _list(services, Shares(services.ledger).list(owner=principal.sees))


@router.get("/assets/{asset}/shares", summary="List the share links of an asset", responses=declare(404))
def list_of_asset(services: WithServices, principal: Reader, asset: str) -> ShareList:
    """The share links of one asset, with expired and revoked ones."""
    found = find_asset(services, principal, asset)
    return _list(services, Shares(services.ledger).list(asset=found.asset, owner=found.owner))


@router.post(
    "/assets/{asset}/shares",
    status_code=HTTPStatus.CREATED,
    summary="Create a share link",
    responses=declare(400, 404, 409),
)
def create(
    request: Request, services: WithServices, principal: Writer, asset: str, body: CreateShare
) -> CreatedShare:
    """Create a link by which strangers can play the asset. Its address is in this response only."""
    found = find_asset(services, principal, asset)
    if body.downloads and not body.location:
        _require_no_location(services, found)
    created = Shares(services.ledger).create(
        asset=found.asset,
        owner=found.owner,
        expires=None if body.expires_s is None else services.ledger.now() + body.expires_s,
        location=body.location,
        downloads=body.downloads,
    )
    origin = services.settings.origin or str(request.base_url)
    view = _view(created.share, found.name, services.ledger.now())
    return CreatedShare(**view.model_dump(), url=f"{origin.rstrip('/')}/s/{created.secret}")


@router.delete(
    "/shares/{share}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Revoke a share link",
    responses=declare(404),
)
def revoke(services: WithServices, principal: Writer, share: str) -> Response:
    """Revoke a share link. Its page and all its files stop being served at once."""
    shares = Shares(services.ledger)
    found = shares.get(share)
    if found is None or not principal.may_see(found.owner):
        raise not_found()
    shares.revoke(share)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _require_no_location(services: Services, asset: Asset) -> None:
    """Raises `Problem` 409 unless the renditions certainly contain no location."""
    manifest = read_manifest(services.store, asset.asset)
    if manifest is None or renditions_have_location(manifest):
        raise Problem(
            HTTPStatus.CONFLICT,
            "the renditions contain the camera's telemetry and metadata, which show the location",
            remedy="share it without downloads, or with the location; or save a rendition, run eddyline "
            "strip-location on it, and send that copy",
        )


def _list(services: Services, found: list[Share]) -> ShareList:
    names, now = Shares(services.ledger).names(found), services.ledger.now()
    return ShareList(shares=[_view(share, names.get(share.asset, ""), now) for share in found])


def _view(share: Share, name: str, now: float) -> ShareBody:
    return ShareBody(
        id=share.id,
        asset=share.asset,
        name=name,
        created=datetime.fromtimestamp(share.created, UTC),
        expires=None if share.expires is None else datetime.fromtimestamp(share.expires, UTC),
        revoked=None if share.revoked is None else datetime.fromtimestamp(share.revoked, UTC),
        location=share.location,
        downloads=share.downloads,
        valid=share.is_valid(now),
    )
