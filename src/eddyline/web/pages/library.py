"""The library: all assets as posters, with search, filters, uploads and progress."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from eddyline.core.name_rules import is_asset
from eddyline.graph.ledger.catalogue.asset import Asset, AssetFilters, AssetState
from eddyline.web.auth.dependencies import Reader
from eddyline.web.auth.principal import Principal
from eddyline.web.pages.card_list import cards_of
from eddyline.web.pages.library_query import LibraryQuery
from eddyline.web.pages.render import render
from eddyline.web.services import Services, WithServices

router = APIRouter()
_PAGE = 36  # a multiple of 2, 3, 4 and 6 columns
_MOST_NAMED = 60
_STATES = (
    ("", "All"),
    (AssetState.PROCESSING.value, "Processing"),
    (AssetState.READY.value, "Ready"),
    (AssetState.FAILED.value, "Failed"),
    (AssetState.CANCELLED.value, "Cancelled"),
)


@router.get("/", response_class=HTMLResponse)
def library(request: Request, services: WithServices, principal: Reader) -> HTMLResponse:
    """The page with its first assets."""
    query = LibraryQuery.parse(request.query_params)
    sequence = services.ledger.events.latest()  # before the listing: later events are streamed
    return _render(request, services, principal, query, "library.html", after="", sequence=sequence)


@router.get("/library/cards", response_class=HTMLResponse)
def cards(
    request: Request,
    services: WithServices,
    principal: Reader,
    after: Annotated[str, Query(max_length=1000)] = "",
    assets: Annotated[str | None, Query(max_length=17 * _MOST_NAMED)] = None,
) -> HTMLResponse:
    """The next assets of the page after a cursor, or the named ones that belong to it, as a part of HTML."""
    query = LibraryQuery.parse(request.query_params)
    if assets is None:
        return _render(request, services, principal, query, "library_cards.html", after=after)
    names = [name for name in assets.split(",") if is_asset(name)][:_MOST_NAMED]
    found = [each for name in names if (each := services.ledger.catalogue.get(name)) is not None]
    shown = [each for each in found if principal.may_see(each.owner) and _belongs(query, each)]
    values = {"cards": cards_of(services, shown), "next_url": "", "counts": _counts(services, principal)}
    return render(request, "library_cards.html", principal, query=query, **values)


def _render(
    request: Request,
    services: Services,
    principal: Principal,
    query: LibraryQuery,
    template: str,
    *,
    after: str,
    **values: object,
) -> HTMLResponse:
    catalogue = services.ledger.catalogue
    page = catalogue.page(query.filters(principal), limit=_PAGE, after=after, order=query.order)
    counts = _counts(services, principal)
    return render(
        request,
        template,
        principal,
        query=query,
        cards=cards_of(services, page.assets),
        next_url=query.url("/library/cards", after=page.next) if page.next else "",
        counts=counts,
        states=[each for each in _STATES if each[0] != "cancelled" or counts["cancelled"]],
        cameras=catalogue.cameras(owner=principal.sees),
        **values,
    )


def _counts(services: Services, principal: Principal) -> dict[str, int]:
    """The number of assets in each state, and of all ("")."""
    found = services.ledger.catalogue.count(AssetFilters(owner=principal.sees))
    return {"": sum(found.values()), **{state.value: number for state, number in found.items()}}


def _belongs(query: LibraryQuery, asset: Asset) -> bool:
    """Whether an asset matches the query, as the catalogue would decide it."""
    text = f"{asset.name}\n{asset.camera or ''}".lower()
    return (
        (not query.state or asset.state.value == query.state)
        and (not query.camera or asset.camera == query.camera)
        and all(word in text for word in query.text.lower().split())
    )
