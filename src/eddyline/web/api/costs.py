"""What work cost: of one asset for its owner, and of the fleet for administrators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response

from eddyline.app.accounts.answers import Amount, AssetCosts, CostGroup, FleetCosts
from eddyline.app.accounts.fleet_costs import By
from eddyline.fleet.dashboard.window import window_of
from eddyline.web import problems
from eddyline.web.api.errors import declare
from eddyline.web.api.fleet import Format, parse_time
from eddyline.web.auth.dependencies import Administrator, Reader
from eddyline.web.csv_response import csv_response
from eddyline.web.services import WithServices
from eddyline.web.visible_assets import find_asset

router = APIRouter()

_DAY_S = 86_400.0
_MAX_GROUPS = 1000
_COLUMNS = (
    "starts",
    "slot_s",
    "redone_starts",
    "redone_slot_s",
    "unknown_starts",
    "unknown_slot_s",
)
_AMOUNTS = ("cost", "redone", "overhead")
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The costs."},
    **declare(400, 422),
}


@router.get(
    "/assets/{asset}/cost", tags=["assets"], response_model=AssetCosts, responses=declare(400, 404, 422)
)
def get_asset_cost(services: WithServices, principal: Reader, asset: str) -> Response:
    """Get what an asset cost: by kind of job and rendition, with redone work, and a minute of output.

    Amounts are exact integers of nano-dollars beside dollars, by the price list and as billed. `cost` is null
    where it is not known.
    """
    find_asset(services, principal, asset)
    found = services.costs.asset(services.store, asset)
    if found is None:
        raise problems.not_found()
    return Response(
        orjson.dumps(found), media_type="application/json", headers={"Cache-Control": "private, no-cache"}
    )


@router.get("/fleet/costs", tags=["fleet"], response_model=FleetCosts, responses=_CSV)
def get_fleet_costs(
    services: WithServices,
    _: Administrator,
    *,
    start: Annotated[
        str,
        Query(
            alias="from",
            max_length=40,
            description="Seconds since 1970, or ISO 8601. Default: a day before `to`.",
            examples=["2026-11-01T00:00:00Z"],
        ),
    ] = "",
    stop: Annotated[
        str, Query(alias="to", max_length=40, description="The same; exclusive. Default: now.")
    ] = "",
    by: Annotated[By, Query(description="What the groups stand for.")] = By.ASSET,
    owner: Annotated[
        str | None, Query(max_length=200, description="Groups of this owner's assets only.")
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=_MAX_GROUPS, description="The dearest groups; a CSV has all.")
    ] = 100,
    format_: Annotated[Format, Query(alias="format")] = Format.JSON,
) -> Response:
    """What work cost, by asset, owner, kind of job or pool, with redone work, boot, idle time and drain."""
    now = services.ledger.now()
    until = parse_time(stop, "to") if stop else now
    begin = parse_time(start, "from") if start else until - _DAY_S
    window_of(begin, until, now=now)  # checks it
    found = services.costs.fleet(begin, until if stop and until < now else None, by=by, owner=owner)
    if format_ is Format.CSV:
        return csv_response("costs", *_table(found.groups))
    return Response(orjson.dumps(replace(found, groups=found.groups[:limit])), media_type="application/json")


def _table(groups: Sequence[CostGroup]) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """A row for each group, with the amounts in columns such as `cost_listed_nanousd`; unknown: empty."""
    parts = list(Amount.__dataclass_fields__)
    header = ["group", *_COLUMNS, *(f"{name}_{part}" for name in _AMOUNTS for part in parts)]

    def rows() -> Iterator[Sequence[object]]:
        for each in groups:
            amounts = [getattr(each.work, name) for name in _AMOUNTS]
            cells = [asdict(found) if found is not None else dict.fromkeys(parts) for found in amounts]
            yield [
                each.key,
                *(getattr(each.work, name) for name in _COLUMNS),
                *(cell[part] for cell in cells for part in parts),
            ]

    return header, rows()
