"""One asset: player, map, charts, proof, downloads; its progress or failure before it is published."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from eddyline.core.errors import EddylineError
from eddyline.graph.ledger.catalogue.asset import Asset, AssetState
from eddyline.pipeline.publication.published import read_manifest
from eddyline.web.auth.dependencies import Reader
from eddyline.web.auth.principal import Principal
from eddyline.web.pages.asset_cards import card_of
from eddyline.web.pages.asset_view import AssetView, view_of
from eddyline.web.pages.card_list import cards_of
from eddyline.web.pages.render import render
from eddyline.web.services import Services, WithServices
from eddyline.web.visible_assets import find_asset

router = APIRouter()


@router.get("/assets/{asset}", response_class=HTMLResponse)
def asset_page(request: Request, services: WithServices, principal: Reader, asset: str) -> HTMLResponse:
    """The page of an asset in its present state."""
    sequence = services.ledger.events.latest()  # before the row: later events are streamed
    found = find_asset(services, principal, asset)
    if found.state is AssetState.READY and (view := _view(services, found)) is not None:
        return render(
            request,
            "asset.html",
            principal,
            asset=found,
            card=card_of(found),
            view=view,
            sequence=sequence,
            tiles=services.settings.tiles,
        )
    return _unfinished(request, services, principal, found, sequence)


def _view(services: Services, asset: Asset) -> AssetView | None:
    """The view of a published asset; None if its manifest is missing or damaged."""
    try:
        manifest = read_manifest(services.store, asset.asset)
        return view_of(asset, manifest) if manifest else None
    except (LookupError, TypeError, ValueError, AttributeError, EddylineError):
        return None


def _unfinished(
    request: Request, services: Services, principal: Principal, asset: Asset, sequence: int
) -> HTMLResponse:
    (card,) = cards_of(services, [asset])
    return render(
        request,
        "asset_unfinished.html",
        principal,
        asset=asset,
        card=card,
        sequence=sequence,
    )
