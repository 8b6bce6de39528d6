"""Queries of jobs and workers, for status, progress and manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, case, func, literal_column, select

from eddyline.graph.db.bulk import fetch
from eddyline.graph.db.schema import jobs, workers
from eddyline.graph.job import Job
from eddyline.graph.ledger.rows import COLUMNS, IS_READY, jobs_of
from eddyline.graph.machine import MACHINE_FIELDS, UNKNOWN_MACHINE, Machine
from eddyline.graph.states import OPEN, State

IS_OPEN = jobs.c.state.in_([state.value for state in sorted(OPEN)])


@dataclass(frozen=True, kw_only=True)
class Stats:
    """The number of `interruptions`, and of `redone` starts: those after each job's first."""

    interruptions: int
    redone: int


@dataclass(frozen=True, kw_only=True)
class WorkerRow:
    """A registered worker; times are in seconds since 1970.

    It is `proven` if it has shown the token of a publication, or uses the ledger itself. `machine` is what it
    reported about its machine.
    """

    name: str
    host: str
    pid: int
    registered: float
    deadline: float
    proven: bool = True
    machine: Machine = UNKNOWN_MACHINE


def find(connection: Connection, query: Select[Any]) -> list[Job]:
    """The jobs of a query that selects `COLUMNS`."""
    rows = connection.execute(query).all()
    return jobs_of(connection, rows, {row.name: row.deadline for row in list_workers(connection)})


def by_filter(*, asset: str | None, state: State | None, kind: str | None) -> Select[Any]:
    """A query for jobs, in the order in which they were added (ties by id)."""
    query = select(*COLUMNS).order_by(jobs.c.created, jobs.c.id)
    return query.where(*_conditions(asset=asset, state=state, kind=kind))


def pages(
    read: Callable[[Callable[[Connection], list[Job]]], list[Job]],
    states: Sequence[State],
    *,
    asset: str | None,
    kind: str | None,
    limit: int | None,
    size: int,
) -> Iterator[list[Job]]:
    """Jobs by state, then by id, in pages of at most `size`, each in one `read`. See `Ledger.job_pages`."""
    left = limit
    for state in states:
        conditions = _conditions(asset=asset, state=state, kind=kind)
        after = ""
        while left is None or left > 0:
            wanted = size if left is None else min(size, left)
            query = select(*COLUMNS).where(jobs.c.id > after, *conditions).order_by(jobs.c.id).limit(wanted)
            found = read(partial(find, query=query))
            if found:
                yield found
                after = found[-1].id
                left = None if left is None else left - len(found)
            if len(found) < wanted:
                break


def _conditions(**wanted: str | State | None) -> list[ColumnElement[bool]]:
    """Conditions for the columns named by the given values; None adds none."""
    return [jobs.c[name] == str(value) for name, value in wanted.items() if value is not None]


def by_id(connection: Connection, job_id: str) -> Job | None:
    """One job, or None if it is unknown."""
    return next(iter(find(connection, select(*COLUMNS).where(jobs.c.id == job_id))), None)


def by_id_or_prefix(connection: Connection, name: str, limit: int) -> list[Job]:
    """The job with this id, or else at most `limit` jobs whose ids start with it."""
    job = by_id(connection, name)
    if job is not None:
        return [job]
    has_prefix = jobs.c.id.startswith(name, autoescape=True)
    return find(connection, select(*COLUMNS).where(has_prefix).order_by(jobs.c.id).limit(limit))


def counts(connection: Connection, asset: str | None, kind: str | None = None) -> dict[State, int]:
    """The number of jobs in each state, including states without jobs."""
    query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
    query = query.where(*_conditions(asset=asset, kind=kind))
    found = {State(row[0]): int(row[1]) for row in connection.execute(query)}
    return {state: found.get(state, 0) for state in State}


def weights(connection: Connection, asset: str | None) -> dict[State, float]:
    """The sum of weights in each state: the progress of an asset is done / (all - cancelled)."""
    query = select(jobs.c.state, func.sum(jobs.c.weight)).group_by(jobs.c.state)
    if asset is not None:
        query = query.where(jobs.c.asset == asset)
    found = {State(row[0]): float(row[1]) for row in connection.execute(query)}
    return {state: found.get(state, 0.0) for state in State}


def has_open(connection: Connection, asset: str | None) -> bool:
    """Whether any job is open; each state has its own partial index."""
    return any(_exists(connection, state, asset) for state in (State.RUNNING, State.READY, State.WAITING))


def _exists(connection: Connection, state: State, asset: str | None) -> bool:
    query: Select[Any] = select(literal_column("1")).select_from(jobs).limit(1)
    query = query.where(jobs.c.state == literal_column(f"'{state.value}'"))
    if asset is not None:
        query = query.where(jobs.c.asset == asset)
    return connection.execute(query).first() is not None


def stats(connection: Connection, asset: str | None) -> Stats:
    """Interruptions and repeated starts, of one asset or all."""
    redone = func.sum(case((jobs.c.starts > 1, jobs.c.starts - 1), else_=0))
    query = select(func.sum(jobs.c.interruptions), redone)
    if asset is not None:
        query = query.where(jobs.c.asset == asset)
    row = connection.execute(query).one()
    return Stats(interruptions=int(row[0] or 0), redone=int(row[1] or 0))


# An idle worker asks several times a second.
_DUE = select(func.min(jobs.c.ready_at).label("at")).where(IS_READY)
_DUE_IN = _DUE.where(jobs.c.pool.in_(bindparam("pools", expanding=True)))
_LEASE_END = select(func.min(workers.c.deadline).label("at"))


def next_wakeup(connection: Connection, pools: Sequence[str] | None) -> float | None:
    """The earliest time at which a job is due or a lease runs out; None if there is none."""
    due = fetch(connection, _DUE, {}) if pools is None else fetch(connection, _DUE_IN, {"pools": list(pools)})
    times = [row.at for row in (*due, *fetch(connection, _LEASE_END, {}))]
    return min((float(time) for time in times if time is not None), default=None)


def list_workers(connection: Connection) -> list[WorkerRow]:
    """The registered workers, by name."""
    return [
        WorkerRow(
            name=r.name,
            host=r.host,
            pid=r.pid,
            registered=r.registered,
            deadline=r.deadline,
            proven=bool(r.proven),
            machine=Machine(**{name: getattr(r, name) for name in MACHINE_FIELDS}),
        )
        for r in connection.execute(select(workers).order_by(workers.c.name))
    ]
