"""The worker process of this server: its state, and its end by kill -9 (on loopback, without tokens)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from eddyline.app.worker_supervisor import WorkerSupervisor
from eddyline.library.redone_jobs import find_redone
from eddyline.web.api.errors import declare
from eddyline.web.auth.dependencies import Administrator, Reader
from eddyline.web.problems import Problem, not_found
from eddyline.web.services import Services, WithServices
from eddyline.web.visible_assets import find_asset

router = APIRouter(tags=["workers"])


class LocalWorkerState(BaseModel):
    """`since`: seconds since 1970; `problem`: why the jobs make no progress, or empty."""

    running: bool
    pid: int | None
    since: float
    restarts: int
    problem: str


class KilledJob(BaseModel):
    """A job that the worker held; `index` is its number among the jobs of its kind, as in "chunk-3"."""

    job: str
    asset: str
    kind: str
    index: str


class Killed(BaseModel):
    """The process that was killed, and the jobs that it held."""

    pid: int
    jobs: list[KilledJob]


class RedoneStart(BaseModel):
    """A start of a job that was lost or interrupted; `lost_s` is the time that it had run, in seconds."""

    job: str
    kind: str
    index: str
    outcome: str
    worker: str
    started: float
    ended: float
    lost_s: float


class Redone(BaseModel):
    """The lost starts of an asset's jobs, in the order in which they ended, of `jobs` jobs in all."""

    jobs: int
    starts: list[RedoneStart]


@router.get("/local-worker", responses=declare(404))
def get_local_worker(services: WithServices, _: Administrator) -> LocalWorkerState:
    """The state of the worker process of this server; 404 if it has none."""
    state = _supervisor(services).state
    return LocalWorkerState(
        running=state.pid is not None,
        pid=state.pid,
        since=state.since,
        restarts=state.restarts,
        problem=state.problem(services.clock.now()),
    )


@router.post("/local-worker/kill", responses=declare(404, 409))
def kill_local_worker(services: WithServices, principal: Administrator) -> Killed:
    """Pull the plug: kill the worker's processes as a reclaimed machine would. Another worker starts at once.

    Only on loopback without tokens.
    """
    if not services.settings.local or principal.token:
        raise Problem(HTTPStatus.FORBIDDEN, "only a server on loopback without tokens kills its worker")
    supervisor = _supervisor(services)
    name = supervisor.state.name
    held = [job for each in services.ledger.held_jobs(name) if (job := services.ledger.job(each))]
    killed = supervisor.kill()
    if killed is None or killed.pid is None or killed.name != name:
        raise Problem(HTTPStatus.CONFLICT, "the worker is not running", remedy="try again in a second")
    return Killed(
        pid=killed.pid,
        jobs=[KilledJob(job=job.id, asset=job.asset, kind=job.kind, index=index_of(job.id)) for job in held],
    )


@router.get("/assets/{asset}/redone", responses=declare(404))
def get_redone(
    asset: Annotated[str, Path(description="The id of the asset.")],
    services: WithServices,
    principal: Reader,
) -> Redone:
    """Which jobs of an asset ran again after a loss or an interruption, from the history of their starts."""
    starts = find_redone(services.ledger, find_asset(services, principal, asset).asset)
    return Redone(
        jobs=len({each.job_id for each in starts}),
        starts=[
            RedoneStart(
                job=each.job_id,
                kind=each.kind,
                index=index_of(each.job_id),
                outcome=each.outcome,
                worker=each.worker,
                started=each.started,
                ended=each.ended,
                lost_s=each.ended - each.started,
            )
            for each in starts
        ],
    )


def index_of(job_id: str) -> str:
    """Which one of its kind a job is: "3" of chunk-0003, "1080p" of assemble-1080p, "" of inspect."""
    _, _, index = job_id.rpartition(".")[2].partition("-")
    return str(int(index)) if index.isdecimal() else index


def _supervisor(services: Services) -> WorkerSupervisor:
    if services.worker is None:
        raise not_found()
    return services.worker
