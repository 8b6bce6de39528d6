"""Reads the snapshot of some assets from the ledger, in a few queries however many jobs they have."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, and_, case, func, literal_column, select, text

from eddyline.graph.db.library_schema import job_progress
from eddyline.graph.db.schema import jobs, starts, workers
from eddyline.graph.ledger.rows import IS_READY, IS_RUNNING
from eddyline.graph.states import State
from eddyline.library.progress.snapshot import (
    MAX_AHEAD,
    AssetSnapshot,
    JobGroup,
    QueuedJobs,
    Retry,
    RunningJobRow,
    Snapshot,
    WorkerState,
)

_RECENT_STARTS = 300
_MAX_RETRIES = 500
_MAX_SELECTS = 400  # in one statement; SQLite allows 500
_IS_DONE = jobs.c.state == literal_column("'done'")
_IS_DEAD = jobs.c.state == literal_column("'dead'")
# The request of a job: the part of its id between the asset and the name (`pipeline.planning.job_ids`).
_REQUEST = func.substr(jobs.c.id, func.length(jobs.c.asset) + literal_column("2"), literal_column("8"))


def read_snapshot(connection: Connection, assets: Collection[str], now: float) -> Snapshot:
    """Read the snapshot of these assets within one transaction."""
    found: dict[str, AssetSnapshot] = {asset: AssetSnapshot() for asset in assets}
    names = sorted(found)
    for asset, groups in _groups(connection, names).items():
        found[asset].groups = groups
    for asset, row in _running(connection, names):
        found[asset].running.append(row)
    for asset, each in _queued(connection, names, now):
        found[asset].queued.append(each)
    for asset, retry in _retries(connection, names, now):
        found[asset].retries.append(retry)
    dead = [asset for asset in names if any(group.state is State.DEAD for group in found[asset].groups)]
    for asset, retry in _dead(connection, dead):
        found[asset].dead = found[asset].dead or retry
    return Snapshot(now=now, assets=found, workers=_workers(connection, now), rates=recent_rates(connection))


def _groups(connection: Connection, assets: Sequence[str]) -> dict[str, list[JobGroup]]:
    """The jobs of each asset's current request: that of its newest job that was not cancelled."""
    took = case((_IS_DONE, jobs.c.finished - jobs.c.started), else_=0.0)
    query = (
        select(
            jobs.c.asset,
            _REQUEST.label("request"),
            jobs.c.kind,
            jobs.c.state,
            func.count().label("jobs"),
            func.sum(jobs.c.weight).label("weight"),
            func.sum(took).label("took_s"),
            func.max(jobs.c.created).label("created"),
        )
        .where(jobs.c.asset.in_(assets))
        .group_by(jobs.c.asset, _REQUEST, jobs.c.kind, jobs.c.state)
    )
    rows: defaultdict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        rows[row.asset].append(row)
    return {asset: _current(found) for asset, found in rows.items()}


def _current(rows: Sequence[Any]) -> list[JobGroup]:
    newest: tuple[bool, float, str] = max(
        (row.state != State.CANCELLED.value, float(row.created), row.request) for row in rows
    )
    return [
        JobGroup(
            kind=row.kind,
            state=State(row.state),
            count=int(row.jobs),
            weight=float(row.weight),
            took_s=float(row.took_s or 0.0),
        )
        for row in rows
        if row.request == newest[2]
    ]


def _running(connection: Connection, assets: Sequence[str]) -> list[tuple[str, RunningJobRow]]:
    matches = and_(job_progress.c.job_id == jobs.c.id, job_progress.c.fence == jobs.c.fence)
    query = (
        select(
            jobs.c.asset,
            jobs.c.id,
            jobs.c.kind,
            jobs.c.weight,
            jobs.c.lease_owner,
            jobs.c.started,
            job_progress.c.fraction,
            job_progress.c.at,
        )
        .select_from(jobs.outerjoin(job_progress, matches))
        .where(jobs.c.asset.in_(assets), IS_RUNNING)
        .order_by(jobs.c.id)
    )
    return [
        (
            row.asset,
            RunningJobRow(
                job_id=row.id,
                kind=row.kind,
                weight=float(row.weight),
                worker=row.lease_owner or "",
                started=float(row.started or 0.0),
                fraction=float(row.fraction or 0.0),
                reported=row.at,
            ),
        )
        for row in connection.execute(query)
    ]


def _queued(connection: Connection, assets: Sequence[str], now: float) -> list[tuple[str, QueuedJobs]]:
    """The due jobs of each asset by pool, with how many jobs of the pool are claimed before the first."""
    query = (
        select(
            jobs.c.asset,
            jobs.c.pool,
            jobs.c.priority,
            func.count().label("jobs"),
            func.min(jobs.c.start_tag).label("start_tag"),
        )
        .where(jobs.c.asset.in_(assets), IS_READY, jobs.c.ready_at <= now)
        .group_by(jobs.c.asset, jobs.c.pool, jobs.c.priority)
        .order_by(jobs.c.asset, jobs.c.pool, jobs.c.priority)
    )
    heads: dict[tuple[str, str], Any] = {}
    counts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for row in connection.execute(query):
        heads.setdefault((row.asset, row.pool), row)
        counts[row.asset, row.pool] += row.jobs
    found = list(heads.values())
    ahead = [
        number
        for first in range(0, len(found), _MAX_SELECTS)
        for number in _ahead(connection, found[first : first + _MAX_SELECTS])
    ]
    return [
        (asset, QueuedJobs(pool=pool, count=counts[asset, pool], ahead=number))
        for (asset, pool), number in zip(heads, ahead, strict=True)
    ]


def _ahead(connection: Connection, heads: Sequence[Any]) -> list[int]:
    """How many ready jobs of its pool are claimed before each of these; one statement."""
    # The first condition on the priority is implied by the second, and bounds the range of the index.
    counts = [
        f"SELECT {n} AS number, count(*) AS ahead FROM (SELECT 1 FROM jobs WHERE state = 'ready' "  # noqa: S608 - numbers
        f"AND pool = :pool{n} AND priority <= :priority{n} "
        f"AND (priority < :priority{n} OR start_tag < :tag{n}) LIMIT {MAX_AHEAD}) AS before{n}"
        for n in range(len(heads))
    ]
    values: dict[str, Any] = {}
    for n, head in enumerate(heads):
        values |= {f"pool{n}": head.pool, f"priority{n}": head.priority, f"tag{n}": head.start_tag}
    rows = connection.execute(text(" UNION ALL ".join(counts) + " ORDER BY number"), values)
    return [int(row.ahead) for row in rows]


def _retries(connection: Connection, assets: Sequence[str], now: float) -> list[tuple[str, Retry]]:
    query = (
        select(jobs.c.asset, jobs.c.id, jobs.c.ready_at, jobs.c.error)
        .where(jobs.c.asset.in_(assets), IS_READY, jobs.c.ready_at > now)
        .order_by(jobs.c.ready_at, jobs.c.id)
        .limit(_MAX_RETRIES)
    )
    return [
        (row.asset, Retry(job_id=row.id, at=float(row.ready_at), error=error_message(row.error)))
        for row in connection.execute(query)
    ]


def _dead(connection: Connection, assets: Sequence[str]) -> list[tuple[str, Retry]]:
    if not assets:
        return []
    query = (
        select(jobs.c.asset, jobs.c.id, jobs.c.finished, jobs.c.error)
        .where(jobs.c.asset.in_(assets), _IS_DEAD)
        .order_by(jobs.c.finished.desc(), jobs.c.id)
        .limit(_MAX_RETRIES)
    )
    return [
        (row.asset, Retry(job_id=row.id, at=float(row.finished or 0.0), error=error_message(row.error)))
        for row in connection.execute(query)
    ]


def error_message(error: str | None) -> str:
    """The message of a job's error, which is JSON; empty if it has none."""
    try:
        found = json.loads(error) if error else {}
    except ValueError:
        return ""
    return str(found.get("message", "")) if isinstance(found, dict) else ""


def _workers(connection: Connection, now: float) -> dict[str, WorkerState]:
    count = select(jobs.c.lease_owner, func.count().label("jobs")).where(IS_RUNNING)
    running = {
        row.lease_owner: int(row.jobs) for row in connection.execute(count.group_by(jobs.c.lease_owner))
    }
    rows = connection.execute(select(workers.c.name, workers.c.deadline, workers.c.slots))
    return {
        row.name: WorkerState(
            name=row.name,
            alive=row.deadline >= now,
            deadline=float(row.deadline),
            slots=row.slots,
            running=running.get(row.name, 0),
        )
        for row in rows
    }


def recent_rates(connection: Connection) -> dict[str, float]:
    """By kind, the seconds that one unit of weight took in the latest starts that were done."""
    last = (
        select(starts.c.job_id, starts.c.kind, starts.c.started, starts.c.ended)
        .where(starts.c.outcome == literal_column("'done'"))
        .order_by(starts.c.ended.desc())
        .limit(_RECENT_STARTS)
        .subquery()
    )
    query = (
        select(
            last.c.kind,
            func.sum(last.c.ended - last.c.started).label("took_s"),
            func.sum(jobs.c.weight).label("weight"),
        )
        .select_from(last.join(jobs, jobs.c.id == last.c.job_id))
        .group_by(last.c.kind)
    )
    return {
        row.kind: float(row.took_s) / float(row.weight)
        for row in connection.execute(query)
        if row.weight and row.took_s is not None
    }
