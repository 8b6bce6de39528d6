"""Jobs with their starts and evidence; cancel, retry, redrive."""

from __future__ import annotations

from http import HTTPStatus
from operator import attrgetter
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from eddyline.core.name_rules import is_identifier
from eddyline.graph.states import FAILED, OPEN, State
from eddyline.library import job_listing
from eddyline.library.job_listing import JobFilters, ListedJob
from eddyline.library.progress.asset_progress import read_progress
from eddyline.web import problems
from eddyline.web.api import job_views as views
from eddyline.web.api.errors import declare
from eddyline.web.auth.dependencies import Reader, Writer
from eddyline.web.auth.principal import Principal
from eddyline.web.problems import Problem
from eddyline.web.services import Services, WithServices
from eddyline.web.visible_assets import find_asset

router = APIRouter(tags=["jobs"])

_NO_CACHE = {"Cache-Control": "private, no-cache"}
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_Name = Annotated[str | None, Query(max_length=300, pattern=_NAME)]
# The columns of a job in the compact list of an asset's jobs, which may have thousands.
_COMPACT = (
    *("id", "kind", "stage", "pool", "state", "worker", "started", "finished", "ready_at"),
    *("fraction", "starts", "attempt", "interruptions", "message"),
)
_START = ("job", "worker", "started", "ended", "outcome")
_job_values = attrgetter(*_COMPACT)
_start_values = attrgetter(*_START)


@router.get("/jobs", response_model=views.JobList, responses=declare(400, 422))
def list_jobs(
    services: WithServices,
    principal: Reader,
    *,
    asset: _Name = None,
    state: State | None = None,
    kind: _Name = None,
    pool: _Name = None,
    limit: Annotated[int, Query(ge=1, le=job_listing.MAX_LIMIT)] = 100,
    after: Annotated[str, Query(max_length=600, description="`next` of the page before.")] = "",
) -> Response:
    """List jobs by id. `state=dead` lists the jobs that failed."""
    filters = JobFilters(owner=principal.sees, asset=asset, state=state, kind=kind, pool=pool)
    found, following = services.ledger.read(lambda c: job_listing.page(c, filters, limit=limit, after=after))
    body = {"jobs": [views.job_json(each) for each in found], "next": following}
    return JSONResponse(body, headers=_NO_CACHE)


@router.get("/jobs/{job}", response_model=views.JobDetails, responses=declare(404, 422))
def get_job(services: WithServices, principal: Reader, job: str) -> Response:
    """Get a job with the history of its starts and the evidence of its last failure."""
    listed = _find(services, principal, job)
    found = services.ledger.job(job)
    if found is None:
        raise problems.not_found()
    body = views.details_json(found, listed, services.ledger.starts.of_job(job))
    return JSONResponse(body, headers=_NO_CACHE)


@router.post("/jobs/{job}/cancel", response_model=views.ChangedJobs, responses=declare(404, 409, 422))
def cancel_job(services: WithServices, principal: Writer, job: str) -> dict[str, Any]:
    """Cancel an open job, and the jobs that depend on it."""
    found = _find(services, principal, job)
    if found.state not in OPEN:
        raise _conflict(f"the job is {found.state.value}", "only open jobs can be cancelled")
    return {"jobs": services.ledger.cancel(job=job, reason="cancelled by a user")}


@router.post("/jobs/{job}/retry", response_model=views.ChangedJobs, responses=declare(404, 409, 422))
def retry_job(services: WithServices, principal: Writer, job: str) -> dict[str, Any]:
    """Give a failed or cancelled job new attempts, and restore the jobs that were cancelled with it."""
    found = _find(services, principal, job)
    if found.state not in FAILED:
        raise _conflict(f"the job is {found.state.value}", "only failed and cancelled jobs can be retried")
    restored = services.ledger.redrive(job)
    if not restored:
        raise _conflict("the job was cancelled because of another one", "retry that one")
    return {"jobs": restored}


@router.post("/jobs/redrive", response_model=views.ChangedJobs, responses=declare(422))
def redrive_jobs(
    services: WithServices,
    principal: Writer,
    *,
    asset: _Name = None,
    kind: _Name = None,
    pool: _Name = None,
    limit: Annotated[int, Query(ge=1, le=job_listing.MAX_LIMIT)] = job_listing.MAX_LIMIT,
) -> dict[str, Any]:
    """Give new attempts to all failed jobs, or to those that match; at most 1000 at once."""
    filters = JobFilters(owner=principal.sees, asset=asset, state=State.DEAD, kind=kind, pool=pool)
    found, _ = services.ledger.read(lambda c: job_listing.page(c, filters, limit=limit))
    return {"jobs": services.ledger.redrive(*(each.id for each in found)) if found else []}


@router.get("/assets/{asset}/jobs", responses=declare(404, 422))
def list_asset_jobs(services: WithServices, principal: Reader, asset: str) -> Response:
    """List all jobs of an asset and their starts, as rows of the named columns, with its progress."""
    found = find_asset(services, principal, asset)
    jobs, starts = services.ledger.read(
        lambda c: (job_listing.of_asset(c, asset), job_listing.starts_of_asset(c, asset))
    )
    progress = read_progress(services.ledger, services.pools, [asset]).get(asset)
    body = {
        "now": services.ledger.now(),
        "asset": {"asset": asset, "name": found.name, "state": str(found.state)},
        "progress": None if progress is None else vars(progress),
        "jobs": {"columns": _COMPACT, "rows": [*map(_job_values, jobs)]},
        "starts": {"columns": _START, "rows": [*map(_start_values, starts)]},
    }
    return JSONResponse(body, headers=_NO_CACHE)


def _find(services: Services, principal: Principal, job: str) -> ListedJob:
    """A job that the principal may see. Raises `Problem` 404 for all others."""
    if not is_identifier(job):
        raise problems.not_found()
    found = services.ledger.read(lambda c: job_listing.get(c, job))
    if found is None or not principal.may_see(found.owner):
        raise problems.not_found()
    return found


def _conflict(detail: str, remedy: str) -> Problem:
    return Problem(HTTPStatus.CONFLICT, detail, remedy=remedy)
