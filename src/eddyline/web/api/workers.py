"""The workers: the processes that run jobs, their machines, and the jobs that they hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from eddyline.graph.db.schema import jobs
from eddyline.graph.ledger import commands, queries
from eddyline.graph.ledger.fleet import queries as fleet_queries
from eddyline.graph.ledger.queries import WorkerRow
from eddyline.graph.ledger.rows import IS_RUNNING
from eddyline.web.api.errors import declare
from eddyline.web.auth.dependencies import Administrator
from eddyline.web.csv_export import csv_response, wants_csv
from eddyline.web.services import WithServices

router = APIRouter(tags=["workers"])
COLUMNS = (
    "name",
    "host",
    "pid",
    "pool",
    "slots",
    "vcpu",
    "instance",
    "instance_type",
    "zone",
    "lifecycle",
    "registered",
    "lease_until",
    "draining",
    "alive",
    "jobs",
)


class HeldJob(BaseModel):
    """A job that a worker runs."""

    job: str
    asset: str
    kind: str = Field(examples=["chunk"])
    attempt: int
    started: float | None


class Worker(BaseModel):
    """A worker. Times are in seconds since 1970; what its machine did not report is empty or null."""

    name: str = Field(examples=["cpu@ip-10-0-0-7:4242-a1b2c3"])
    host: str
    pid: int
    pool: str = Field(examples=["cpu"])
    slots: int | None
    vcpu: int | None
    instance: str = Field(examples=["i-0123456789abcdef0"])
    instance_type: str = Field(examples=["c7g.xlarge"])
    zone: str
    lifecycle: str = Field(description="spot or on-demand.")
    registered: float
    lease_until: float = Field(description="Its jobs are taken back if it is silent until then.")
    draining: bool = Field(
        description="Whether it was ordered to drain, or the end of its machine was announced."
    )
    alive: bool = Field(description="Whether its lease has not run out.")
    jobs: list[HeldJob]


class WorkerList(BaseModel):
    """All registered workers, by name."""

    workers: list[Worker]


@router.get(
    "/workers",
    response_model=WorkerList,
    responses={**declare(422), 200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def list_workers(
    request: Request,
    services: WithServices,
    principal: Administrator,
    format: Annotated[  # noqa: A002 - the name of the parameter
        Literal["json", "csv", ""], Query(description="csv: as a file.")
    ] = "",
) -> Response:
    """List the workers with the jobs that they hold."""
    del principal
    now = services.ledger.now()
    found = [_worker(each, now) for each in services.ledger.read(_read)]
    if wants_csv(request, format):
        return csv_response("workers", COLUMNS, _rows(found))
    return JSONResponse({"workers": found}, headers={"Cache-Control": "private, no-store"})


@dataclass(frozen=True, kw_only=True)
class _Reading:
    row: WorkerRow
    held: list[dict[str, Any]]
    draining: bool


def _read(connection: Connection) -> list[_Reading]:
    held: dict[str, list[dict[str, Any]]] = {}
    columns = (jobs.c.lease_owner, jobs.c.id, jobs.c.asset, jobs.c.kind, jobs.c.attempt, jobs.c.started)
    running = select(*columns).where(IS_RUNNING).order_by(jobs.c.id)
    for worker, job, asset, kind, attempt, started in connection.execute(running):
        values = {"job": job, "asset": asset, "kind": kind, "attempt": attempt, "started": started}
        held.setdefault(worker, []).append(values)
    # The order is deleted on its delivery; the notice of the machine remains.
    ordered = commands.draining(connection)
    ending = {
        each.instance
        for each in fleet_queries.running(connection)
        if each.warned_at is not None or each.scale_in_at is not None
    }
    return [
        _Reading(
            row=row,
            held=held.get(row.name, []),
            draining=row.name in ordered or row.machine.instance in ending,
        )
        for row in queries.list_workers(connection)
    ]


def _worker(found: _Reading, now: float) -> dict[str, Any]:
    worker, machine = found.row, found.row.machine
    return {
        "name": worker.name,
        "host": worker.host,
        "pid": worker.pid,
        "pool": machine.pool,
        "slots": machine.slots,
        "vcpu": machine.vcpu,
        "instance": machine.instance,
        "instance_type": machine.instance_type,
        "zone": machine.zone,
        "lifecycle": machine.lifecycle,
        "registered": worker.registered,
        "lease_until": worker.deadline,
        "draining": found.draining,
        "alive": worker.deadline > now,
        "jobs": found.held,
    }


def _rows(workers: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in workers:
        yield {**each, "jobs": " ".join(job["job"] for job in each["jobs"])}
