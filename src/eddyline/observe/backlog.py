"""The backlog of the ledger by pool: counts read periodically, on a connection of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection, case, func, literal_column, select

from eddyline.graph.db.schema import jobs, workers
from eddyline.graph.db.transactions import Database
from eddyline.graph.ledger.rows import IS_READY, IS_RUNNING
from eddyline.observe.polled_values import PolledValues

_IS_WAITING = jobs.c.state == literal_column("'waiting'")


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The jobs of one pool: `due` now, `delayed` after a failure, `running`.

    `oldest_s`: seconds for which the oldest due job has been due.
    """

    pool: str
    due: int = 0
    delayed: int = 0
    running: int = 0
    oldest_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """The state of the ledger at `at` (seconds since 1970).

    `waiting` jobs have unfinished dependencies; `late` ones are open and past their deadline. `workers` are
    the names of workers with a valid lease; `overdue` leases belong to workers that are probably lost.
    `unknown` are names from heartbeats that no report with a job's token has proven: they do not count as
    capacity.
    """

    at: float
    queues: tuple[Queue, ...]
    waiting: int
    late: int
    workers: tuple[str, ...]
    overdue: int
    unknown: tuple[str, ...] = ()


BacklogWatch: TypeAlias = PolledValues[Backlog]
"""Reads a ledger's backlog periodically."""


def backlog_reader(database: Database) -> Callable[[float], Backlog]:
    """The `read` function of a `BacklogWatch`; pass a database that no other work uses."""
    return lambda now: database.read(lambda connection: read_backlog(connection, now))


def read_backlog(connection: Connection, now: float) -> Backlog:
    """Read the counts, each with an index over the rows of one state, so that finished jobs cost nothing."""
    queues = {queue.pool: queue for queue in _ready(connection, now)}
    running = select(jobs.c.pool, func.count()).where(IS_RUNNING).group_by(jobs.c.pool)
    for pool, count in connection.execute(running):
        known = queues.get(pool, Queue(pool=pool))
        queues[pool] = Queue(
            pool=pool, due=known.due, delayed=known.delayed, oldest_s=known.oldest_s, running=int(count)
        )
    late = jobs.c.deadline.is_not(None) & jobs.c.finished.is_(None) & (jobs.c.deadline < now)
    rows = list(connection.execute(select(workers.c.name, workers.c.deadline, workers.c.proven)))
    leases = [(str(row.name), float(row.deadline) >= now) for row in rows if row.proven]
    unknown = [str(row.name) for row in rows if not row.proven and float(row.deadline) >= now]
    return Backlog(
        at=now,
        queues=tuple(queues[pool] for pool in sorted(queues)),
        waiting=_count(connection, _IS_WAITING),
        late=_count(connection, late),
        workers=tuple(sorted(name for name, alive in leases if alive)),
        overdue=sum(not alive for _, alive in leases),
        unknown=tuple(sorted(unknown)),
    )


def _ready(connection: Connection, now: float) -> list[Queue]:
    due = func.sum(case((jobs.c.ready_at <= now, 1), else_=0))
    query = select(jobs.c.pool, func.count(), due, func.min(jobs.c.ready_at)).where(IS_READY)
    return [
        Queue(pool=row[0], due=int(row[2]), delayed=int(row[1] - row[2]), oldest_s=max(now - row[3], 0.0))
        for row in connection.execute(query.group_by(jobs.c.pool))
    ]


def _count(connection: Connection, condition: object) -> int:
    query = select(func.count()).select_from(jobs).where(condition)  # type: ignore[arg-type]
    return int(connection.execute(query).scalar_one())
