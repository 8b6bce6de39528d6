"""The ledger's read side: for status, progress and manifests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, func, literal_column, select

from eddyline.graph.db.schema import jobs, workers
from eddyline.graph.job import Job
from eddyline.graph.ledger.leases import IS_READY
from eddyline.graph.ledger.rows import COLUMNS, jobs_of
from eddyline.graph.states import OPEN, State

IS_OPEN = jobs.c.state.in_([state.value for state in sorted(OPEN)])


@dataclass(frozen=True, kw_only=True)
class Stats:
    """What went wrong: `interruptions` of any kind, `redone` starts beyond each job's first."""

    interruptions: int
    redone: int


@dataclass(frozen=True, kw_only=True)
class WorkerRow:
    """A worker as the ledger knows it; times are seconds since 1970.

    `proven`: it has shown the token of a job, or uses the ledger itself.
    """

    name: str
    host: str
    pid: int
    registered: float
    deadline: float
    proven: bool = True


def find(connection: Connection, query: Select[Any]) -> list[Job]:
    """The jobs of a query over `COLUMNS`."""
    rows = connection.execute(query).all()
    return jobs_of(connection, rows, {row.name: row.deadline for row in list_workers(connection)})


def by_filter(*, asset: str | None, state: State | None, kind: str | None) -> Select[Any]:
    """A query for jobs, in the order in which they were added (ties by id)."""
    query = select(*COLUMNS).order_by(jobs.c.created, jobs.c.id)
    return query.where(*_conditions(asset=asset, state=state, kind=kind))


def page(*, asset: str | None, state: State, kind: str | None, after: str, limit: int) -> Select[Any]:
    """A query for at most `limit` jobs in one state whose ids come after `after`, in order of their ids."""
    query = select(*COLUMNS).where(jobs.c.id > after).order_by(jobs.c.id).limit(limit)
    return query.where(*_conditions(asset=asset, state=state, kind=kind))


def _conditions(**wanted: str | State | None) -> list[ColumnElement[bool]]:
    """Equality with each value that is given, by the name of its column."""
    return [jobs.c[name] == str(value) for name, value in wanted.items() if value is not None]


def by_ids(ids: Sequence[str]) -> Select[Any]:
    """A query for jobs by id."""
    return select(*COLUMNS).where(jobs.c.id.in_(list(ids))).order_by(jobs.c.id)


def by_beginning(name: str, limit: int) -> Select[Any]:
    """A query for jobs whose ids begin so, at most `limit`."""
    beginning = jobs.c.id.startswith(name, autoescape=True)
    return select(*COLUMNS).where(beginning).order_by(jobs.c.id).limit(limit)


def late(now: float) -> Select[Any]:
    """A query for open jobs past their deadline, the latest first."""
    unfinished = jobs.c.finished.is_(None) & jobs.c.deadline.is_not(None)
    return select(*COLUMNS).where(unfinished, jobs.c.deadline < now).order_by(jobs.c.deadline, jobs.c.id)


def counts(connection: Connection, asset: str | None, kind: str | None = None) -> dict[State, int]:
    """The number of jobs in each state; every state is named."""
    query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
    query = query.where(*_conditions(asset=asset, kind=kind))
    found = {State(row[0]): int(row[1]) for row in connection.execute(query)}
    return {state: found.get(state, 0) for state in State}


def weights(connection: Connection, asset: str | None) -> dict[State, float]:
    """The sum of weights in each state: done over all but the cancelled is an asset's progress."""
    query = select(jobs.c.state, func.sum(jobs.c.weight)).group_by(jobs.c.state)
    if asset is not None:
        query = query.where(jobs.c.asset == asset)
    found = {State(row[0]): float(row[1]) for row in connection.execute(query)}
    return {state: found.get(state, 0.0) for state in State}


def has_open(connection: Connection, asset: str | None) -> bool:
    """Whether anything is still to be done; each state has its own partial index."""
    return any(_exists(connection, state, asset) for state in (State.RUNNING, State.READY, State.WAITING))


def _exists(connection: Connection, state: State, asset: str | None) -> bool:
    query: Select[Any] = select(literal_column("1")).select_from(jobs).limit(1)
    query = query.where(jobs.c.state == literal_column(f"'{state.value}'"))
    if asset is not None:
        query = query.where(jobs.c.asset == asset)
    return connection.execute(query).first() is not None


def stats(connection: Connection, asset: str | None) -> Stats:
    """Interruptions and redone starts, of one asset or of all."""
    redone = func.sum(case((jobs.c.starts > 1, jobs.c.starts - 1), else_=0))
    query = select(func.sum(jobs.c.interruptions), redone)
    if asset is not None:
        query = query.where(jobs.c.asset == asset)
    row = connection.execute(query).one()
    return Stats(interruptions=int(row[0] or 0), redone=int(row[1] or 0))


def next_wakeup(connection: Connection, pools: Sequence[str] | None) -> float | None:
    """The earliest moment at which a job is due or a lease runs out; None if nothing is to be waited for."""
    due = select(func.min(jobs.c.ready_at)).where(IS_READY)
    if pools is not None:
        due = due.where(jobs.c.pool.in_(list(pools)))
    moments = [
        connection.execute(due).scalar(),
        connection.execute(select(func.min(workers.c.deadline))).scalar(),
    ]
    return min((float(moment) for moment in moments if moment is not None), default=None)


def list_workers(connection: Connection) -> list[WorkerRow]:
    """Every worker whose lease has not been taken back."""
    return [
        WorkerRow(
            name=r.name,
            host=r.host,
            pid=r.pid,
            registered=r.registered,
            deadline=r.deadline,
            proven=bool(r.proven),
        )
        for r in connection.execute(select(workers).order_by(workers.c.name))
    ]
