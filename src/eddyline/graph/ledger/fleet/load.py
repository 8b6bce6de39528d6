"""Reads work and capacity of all pools: sums by pool and kind, which cost nothing for finished jobs.

The sums over due and running jobs read the partial indexes of these states, the list of ended starts the end
of the index of their times. The cost grows with the number of ready and running jobs only.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal_column, select

from eddyline.graph.db.schema import instances, jobs, starts, workers
from eddyline.graph.ledger.rows import IS_READY, IS_RUNNING
from eddyline.graph.pool_load import DueWork, EndedStart, Instances, Load, RunningWork, Workers

MAX_ENDED = 2000
"""The number of recently done jobs that are read, to measure rates."""

# Literals, not parameters: PostgreSQL takes a parameter in GROUP BY for another expression.
_SPOT: ColumnElement[str] = literal_column("'spot'")
_ONE: ColumnElement[int] = literal_column("1")
_ZERO: ColumnElement[int] = literal_column("0")


def read_load(connection: Connection, now: float, *, ready_after_s: float) -> Load:
    """The state at `now`; an instance is old if it was launched at least `ready_after_s` seconds ago."""
    return Load(
        at=now,
        due=_due(connection, now),
        running=_running(connection, now),
        workers=_workers(connection, now),
        instances=_instances(connection, now - ready_after_s),
        ended=_ended(connection),
    )


def _due(connection: Connection, now: float) -> tuple[DueWork, ...]:
    query = select(
        jobs.c.pool, jobs.c.kind, func.count(), func.sum(jobs.c.weight), func.min(jobs.c.ready_at)
    ).where(IS_READY, jobs.c.ready_at <= now)
    return tuple(
        DueWork(
            pool=pool, kind=kind, jobs=int(count), weight=float(weight), oldest_s=max(now - float(first), 0.0)
        )
        for pool, kind, count, weight, first in connection.execute(query.group_by(jobs.c.pool, jobs.c.kind))
    )


def _running(connection: Connection, now: float) -> tuple[RunningWork, ...]:
    """A worker that did not report its pool counts as one of its job's pool."""
    pool = func.coalesce(func.nullif(workers.c.pool, literal_column("''")), jobs.c.pool)
    elapsed = case((jobs.c.started < now, now - jobs.c.started), else_=0.0)
    query = (
        select(
            pool.label("worker_pool"),
            jobs.c.pool,
            jobs.c.kind,
            func.count(),
            func.sum(jobs.c.weight),
            func.sum(elapsed),
        )
        .select_from(jobs.outerjoin(workers, workers.c.name == jobs.c.lease_owner))
        .where(IS_RUNNING)
        .group_by(pool, jobs.c.pool, jobs.c.kind)
    )
    return tuple(
        RunningWork(
            pool=row[0],
            job_pool=row[1],
            kind=row[2],
            jobs=int(row[3]),
            weight=float(row[4]),
            elapsed_s=float(row[5] or 0.0),
        )
        for row in connection.execute(query)
    )


def _about_to_end() -> ColumnElement[bool]:
    """Of an instance: warned of its interruption, being scaled in, or terminated."""
    seen = instances.c
    return seen.warned_at.is_not(None) | seen.scale_in_at.is_not(None) | seen.terminated.is_not(None)


def _workers(connection: Connection, now: float) -> tuple[Workers, ...]:
    on_spot = case((workers.c.lifecycle == _SPOT, _ONE), else_=_ZERO)
    unknown_slots = case((workers.c.vcpu.is_(None), func.coalesce(workers.c.slots, 0)), else_=0)
    ending = and_(instances.c.instance == workers.c.instance, _about_to_end())
    query = (
        select(
            workers.c.pool,
            on_spot.label("on_spot"),
            func.count(),
            func.count(func.distinct(func.coalesce(func.nullif(workers.c.instance, ""), workers.c.host))),
            func.sum(func.coalesce(workers.c.vcpu, 0)),
            func.sum(func.coalesce(workers.c.slots, 0)),
            func.sum(unknown_slots),
        )
        .select_from(workers.outerjoin(instances, ending))
        .where(
            workers.c.proven.is_(True),
            workers.c.deadline >= now,
            workers.c.pool != literal_column("''"),
            instances.c.instance.is_(None),
        )
        .group_by(workers.c.pool, on_spot)
    )
    return tuple(
        Workers(
            pool=row[0],
            spot=bool(row[1]),
            workers=int(row[2]),
            instances=int(row[3]),
            vcpu=int(row[4]),
            slots=int(row[5]),
            slots_without_vcpu=int(row[6]),
        )
        for row in connection.execute(query)
    )


def _instances(connection: Connection, old: float) -> tuple[Instances, ...]:
    seen = instances.c
    on_spot = case((seen.lifecycle == _SPOT, _ONE), else_=_ZERO)
    vcpu = func.coalesce(seen.vcpu, 0)
    query = (
        select(
            seen.pool,
            on_spot.label("on_spot"),
            func.count(),
            func.sum(vcpu),
            func.sum(case((seen.launched <= old, vcpu), else_=0)),
        )
        .where(
            seen.terminated.is_(None),
            seen.launched.is_not(None),
            seen.warned_at.is_(None),
            seen.scale_in_at.is_(None),
            seen.pool != literal_column("''"),
        )
        .group_by(seen.pool, on_spot)
    )
    return tuple(
        Instances(
            pool=row[0], spot=bool(row[1]), instances=int(row[2]), vcpu=int(row[3]), old_vcpu=int(row[4])
        )
        for row in connection.execute(query)
    )


def _ended(connection: Connection) -> tuple[EndedStart, ...]:
    """Jobs that were archived since are left out: archiving takes much longer than a minute."""
    latest = select(starts).order_by(starts.c.ended.desc()).limit(MAX_ENDED).subquery()
    query = (
        select(latest.c.pool, latest.c.kind, jobs.c.weight, latest.c.ended - latest.c.started)
        .select_from(latest.join(jobs, jobs.c.id == latest.c.job_id))
        .where(latest.c.outcome == literal_column("'done'"))
        .order_by(latest.c.ended.desc())
    )
    rows: Any = connection.execute(query)
    return tuple(
        EndedStart(pool=row[0], kind=row[1], weight=float(row[2]), seconds=float(row[3])) for row in rows
    )
