"""The fleet: instances, interruptions, savings, capacity."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Response

from eddyline.app.fleet import dashboard_queries as queries
from eddyline.app.fleet.dashboard import Filters, View
from eddyline.app.fleet.dashboard_reports import (
    Capacity,
    DrainReport,
    Interruptions,
    MachinePage,
    Running,
    SavingsReport,
    Summary,
    SurvivalReport,
)
from eddyline.app.fleet.machine_list import MAX_ROWS, all_machines, list_machines
from eddyline.app.fleet.simulation_report import COLUMNS, SimulationComparison, comparison_rows
from eddyline.core.errors import UsageError
from eddyline.fleet.dashboard.grouping import Grouping
from eddyline.web.api import fleet_csv
from eddyline.web.api.errors import declare
from eddyline.web.api.fleet_csv import Rows
from eddyline.web.auth.dependencies import Administrator
from eddyline.web.csv_response import csv_response
from eddyline.web.services import Services, WithServices

router = APIRouter(tags=["fleet"])

_DAY_S = 86_400.0
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The report."},
    **declare(400, 422),
}


class Format(StrEnum):
    """The format of a report."""

    JSON = "json"
    CSV = "csv"


class EndedBy(StrEnum):
    """Why a machine ended."""

    ANY = ""
    RUNNING = "running"
    INTERRUPTION = "interruption"
    SCALE_IN = "scale-in"
    OTHER = "other"


@dataclass(frozen=True)
class Request:
    """The parameters that all reports have, and the services."""

    services: Services
    start: str
    stop: str
    filters: Filters
    format: Format
    rows: Rows

    def view(self) -> View:
        """What the report is computed from. Raises `UsageError`."""
        now = self.services.ledger.now()
        stop = parse_time(self.stop, "to") if self.stop else now
        start = parse_time(self.start, "from") if self.start else stop - _DAY_S
        return self.services.fleet.view(start, stop, self.filters)


def _request(
    services: WithServices,
    _: Administrator,
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
    pool: Annotated[str, Query(max_length=100, description="Only machines of this pool.")] = "",
    instance_type: Annotated[
        str, Query(alias="type", max_length=100, description='Only of this type; "not known": of none.')
    ] = "",
    zone: Annotated[str, Query(max_length=100, description="Only in this Availability Zone.")] = "",
    format_: Annotated[Format, Query(alias="format")] = Format.JSON,
    rows: Annotated[Rows, Query(description="The rows of a CSV.")] = Rows.STEPS,
) -> Request:
    filters = Filters(pool=pool, instance_type=instance_type, zone=zone)
    return Request(services=services, start=start, stop=stop, filters=filters, format=format_, rows=rows)


WithRequest = Annotated[Request, Depends(_request)]
By = Annotated[Grouping, Query(description="What the figures are grouped by.")]


@router.get("/fleet/summary", response_model=Summary, responses=_CSV)
def get_summary(request: WithRequest) -> Response:
    """The headline figures of the Spot dashboard."""
    found = queries.summary(request.view())
    return _respond(request, "summary", found, lambda: fleet_csv.summary_table(found))


@router.get("/fleet/interruptions", response_model=Interruptions, responses=_CSV)
def get_interruptions(request: WithRequest, by: By = Grouping.TYPE) -> Response:
    """Interruptions per Spot instance-hour over time, with exact 95 % Poisson intervals, and per launch."""
    found = queries.interruptions(request.view(), by)
    return _respond(request, "interruptions", found, lambda: _table(request, found.range, found.groups))


@router.get("/fleet/running", response_model=Running, responses=_CSV)
def get_running(request: WithRequest, by: By = Grouping.TYPE) -> Response:
    """Running machines over time, and the share of Spot in the vCPU-hours."""
    found = queries.running(request.view(), by)
    return _respond(request, "running", found, lambda: _table(request, found.range, found.groups))


@router.get("/fleet/capacity", response_model=Capacity, responses=_CSV)
def get_capacity(request: WithRequest) -> Response:
    """Capacity against backlog over time, of all pools together and of each."""
    found = queries.capacity(request.view(), request.services.ledger)
    return _respond(request, "capacity", found, lambda: _table(request, found.range, found.pools))


@router.get("/fleet/savings", response_model=SavingsReport, responses=_CSV)
def get_savings(request: WithRequest, by: By = Grouping.POOL) -> Response:
    """What Spot saved in dollars, and the share of hours whose price is known."""
    found = queries.savings(request.view(), by)
    return _respond(request, "savings", found, lambda: _table(request, found.range, found.groups))


@router.get("/fleet/drains", response_model=DrainReport, responses=_CSV)
def get_drains(request: WithRequest, by: By = Grouping.POOL) -> Response:
    """Seconds from the notice of an interruption until the machine was drained, and redone work."""
    found = queries.drains(request.view(), by, request.services.ledger)
    return _respond(request, "drains", found, lambda: fleet_csv.groups_table(found.groups))


@router.get("/fleet/survival", response_model=SurvivalReport, responses=_CSV)
def get_survival(request: WithRequest, by: By = Grouping.TYPE) -> Response:
    """Survival curves (Kaplan-Meier) of the Spot Instances that were launched in the range of time."""
    found = queries.survival(request.view(), by)
    curves = [found.total, *found.groups]

    def table() -> fleet_csv.Table:
        if request.rows is Rows.GROUPS:
            return fleet_csv.groups_table(curves)
        return fleet_csv.points_table(curves)

    return _respond(request, "survival", found, table)


@router.get("/fleet/machines", response_model=MachinePage, responses=_CSV)
def get_machines(
    request: WithRequest,
    ended_by: Annotated[
        EndedBy, Query(description="Only machines that ended for this reason.")
    ] = EndedBy.ANY,
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 100,
    after: Annotated[str, Query(max_length=200, description="The `next` of the page before.")] = "",
) -> Response:
    """The machines that ran in the range of time, latest launch first. A CSV has all of them."""
    view = request.view()
    if request.format is Format.CSV:
        return csv_response(
            "machines", *fleet_csv.machines_table(all_machines(view, ended_by=ended_by.value))
        )
    return _json(list_machines(view, limit=limit, after=after, ended_by=ended_by.value))


@router.get("/fleet/simulation", response_model=SimulationComparison, responses=_CSV)
def get_simulation(request: WithRequest) -> Response:
    """The figures of a simulation beside the measured ones; `simulation` is null without a file of one."""
    found = request.services.simulation.compare(request.view())
    return _respond(request, "simulation", found, lambda: (COLUMNS, comparison_rows(found)))


def _table(request: Request, span: Any, groups: Any) -> fleet_csv.Table:  # noqa: ANN401 - of each report
    if request.rows is Rows.GROUPS:
        return fleet_csv.groups_table(groups)
    return fleet_csv.steps_table(span, groups)


def _respond(request: Request, name: str, report: object, table: Callable[[], fleet_csv.Table]) -> Response:
    if request.format is Format.CSV:
        return csv_response(name, *table())
    return _json(report)


def _json(report: object) -> Response:
    """The report as JSON: without validation, which would take longer than the report."""
    return Response(orjson.dumps(report), media_type="application/json")


def parse_time(text: str, name: str) -> float:
    """Seconds since 1970 of a number or an ISO 8601 time. Raises `UsageError`."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = dt.datetime.fromisoformat(text)
        # Without an offset, UTC.
        return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{name} is not a time",
            remedy="pass seconds since 1970, or ISO 8601 such as 2026-11-01T00:00:00Z",
        ) from None
