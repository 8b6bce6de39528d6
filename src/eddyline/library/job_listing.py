"""Lists jobs for users: those of all assets in pages, or those of one asset with their starts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from eddyline.core.errors import UsageError
from eddyline.core.name_rules import is_identifier
from eddyline.graph.db.library_schema import assets, job_progress
from eddyline.graph.db.schema import jobs, starts
from eddyline.graph.ledger.catalogue.asset import AssetState
from eddyline.graph.ledger.rows import IS_READY, IS_RUNNING
from eddyline.graph.states import State
from eddyline.library.progress.snapshot_queries import error_message
from eddyline.pipeline.planning.job_kinds import job_kind

MAX_LIMIT = 1000
"""The maximum number of jobs of a page."""

MAX_JOBS = 20_000
"""The maximum number of jobs, and of starts, of an asset that are listed at once."""

_MATCHES = and_(job_progress.c.job_id == jobs.c.id, job_progress.c.fence == jobs.c.fence, IS_RUNNING)
_COLUMNS = (
    *(
        jobs.c[name]
        for name in ("id", "asset", "kind", "pool", "owner", "state", "weight", "attempt", "starts")
    ),
    *(jobs.c[name] for name in ("interruptions", "losses", "lease_owner", "ready_at", "started", "finished")),
    jobs.c.error,
    job_progress.c.fraction,
)


@dataclass(frozen=True, kw_only=True)
class ListedJob:
    """A job in a listing; `message` is that of its error, `worker` runs it, times are seconds since 1970."""

    id: str
    asset: str
    kind: str
    stage: str
    pool: str
    owner: str
    state: State
    weight: float
    attempt: int
    starts: int
    interruptions: int
    losses: int
    worker: str
    ready_at: float | None
    started: float | None
    finished: float | None
    fraction: float
    message: str


@dataclass(frozen=True, kw_only=True)
class JobFilters:
    """The conditions of a listing; None: any. `owner` is that of the jobs."""

    owner: str | None = None
    asset: str | None = None
    state: State | None = None
    kind: str | None = None
    pool: str | None = None


@dataclass(frozen=True, kw_only=True)
class ListedStart:
    """An ended start of a job of one asset; `outcome` is "done", "failed", "interrupted" or "lost"."""

    job: str
    worker: str
    started: float
    ended: float
    outcome: str


def page(
    connection: Connection, filters: JobFilters, *, limit: int, after: str = ""
) -> tuple[list[ListedJob], str]:
    """At most `limit` jobs by id after a cursor, and the cursor of the next page ("": the last one).

    Raises `UsageError` for an invalid cursor.
    """
    limit = max(1, min(limit, MAX_LIMIT))
    query = _query().where(*_conditions(filters)).order_by(jobs.c.id).limit(limit + 1)
    if after:
        query = query.where(jobs.c.id > _decode(after))
    rows = connection.execute(query).all()
    found = [_job(row) for row in rows[:limit]]
    return found, _encode(found[-1].id) if len(rows) > limit else ""


def get(connection: Connection, job: str) -> ListedJob | None:
    """One job; None if it is unknown."""
    row = connection.execute(_query().where(jobs.c.id == job)).first()
    return None if row is None else _job(row)


def of_asset(connection: Connection, asset: str) -> list[ListedJob]:
    """The jobs of an asset in the order of stages, then by id; at most 20,000."""
    rows = connection.execute(_query().where(jobs.c.asset == asset).order_by(jobs.c.id).limit(MAX_JOBS))
    return [_job(row) for row in rows]


def starts_of_asset(connection: Connection, asset: str) -> list[ListedStart]:
    """The ended starts of an asset's jobs, the oldest first; at most the last 20,000."""
    query = (
        select(starts.c.job_id, starts.c.worker, starts.c.started, starts.c.ended, starts.c.outcome)
        .select_from(jobs.join(starts, starts.c.job_id == jobs.c.id))
        .where(jobs.c.asset == asset)
        .order_by(starts.c.ended.desc(), starts.c.job_id, starts.c.fence.desc())
        .limit(MAX_JOBS)
    )
    rows = [
        ListedStart(job=row[0], worker=row[1], started=row[2], ended=row[3], outcome=row[4])
        for row in connection.execute(query)
    ]
    return rows[::-1]


def _query() -> Select[Any]:
    return select(*_COLUMNS).select_from(jobs.outerjoin(job_progress, _MATCHES))


def _conditions(filters: JobFilters) -> Sequence[Any]:
    found: list[Any] = [
        jobs.c[name] == value
        for name in ("owner", "asset", "kind", "pool")
        if (value := getattr(filters, name)) is not None
    ]
    match filters.state:
        case None:
            pass
        # Literals, so that the partial indexes are used.
        case State.READY:
            found.append(IS_READY)
        case State.RUNNING:
            found.append(IS_RUNNING)
        case state:
            found.append(jobs.c.state == state.value)
    if filters.state is State.DEAD and filters.asset is None:
        # An asset with a dead job has failed, and there is an index of those: dead jobs are found by asset.
        failed = select(assets.c.asset).where(assets.c.state == AssetState.FAILED.value)
        if filters.owner is not None:
            failed = failed.where(assets.c.owner == filters.owner)
        found.append(jobs.c.asset.in_(failed))
    return found


def _job(row: Any) -> ListedJob:  # noqa: ANN401 - a row of `_query`
    return ListedJob(
        id=row.id,
        asset=row.asset,
        kind=row.kind,
        stage=job_kind(row.kind).stage,
        pool=row.pool,
        owner=row.owner,
        state=State(row.state),
        weight=row.weight,
        attempt=row.attempt,
        starts=row.starts,
        interruptions=row.interruptions,
        losses=row.losses,
        worker=row.lease_owner or "",
        ready_at=row.ready_at,
        started=row.started,
        finished=row.finished,
        fraction=1.0 if row.state == State.DONE else float(row.fraction or 0.0),
        message=error_message(row.error),
    )


def _encode(job: str) -> str:
    return base64.urlsafe_b64encode(job.encode()).decode().rstrip("=")


def _decode(cursor: str) -> str:
    try:
        job = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        job = ""
    if not is_identifier(job):
        raise UsageError(
            "the cursor of the listing is invalid",
            remedy="use the cursor of the page before, or start without one",
        )
    return job
