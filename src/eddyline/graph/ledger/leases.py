"""Who holds what: claims, heartbeats, and taking jobs back from workers that vanished.

A lease belongs to a worker, not to a job: one row is kept alive however many jobs it runs.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, literal_column, select, update

from eddyline.graph.db.asset_locks import lock_jobs
from eddyline.graph.db.bulk import change, fetch
from eddyline.graph.db.schema import jobs, workers
from eddyline.graph.db.transactions import answer_was_lost
from eddyline.graph.job import Claim
from eddyline.graph.ledger import commands
from eddyline.graph.ledger.complete import bury, hand_back
from eddyline.graph.ledger.dependencies import cancel_dependants
from eddyline.graph.ledger.rows import (
    CLAIMED,
    COLUMNS,
    Record,
    dependencies_of,
    job_of,
    lock,
    record_of,
    write,
)
from eddyline.graph.states import Event, State

# Written out, not bound: only so does the planner see that the partial indexes apply.
IS_READY = jobs.c.state == literal_column("'ready'")
IS_RUNNING = jobs.c.state == literal_column("'running'")

_EVEN = 0.5

_LENT = select(*COLUMNS).where(IS_RUNNING, jobs.c.lease_owner == bindparam("worker"))
_LENT = _LENT.where(jobs.c.started == bindparam("now")).order_by(jobs.c.priority, jobs.c.start_tag, jobs.c.id)
_HELD = select(jobs.c.id, jobs.c.fence).where(IS_RUNNING, jobs.c.lease_owner == bindparam("worker"))
_HELD_BY = select(jobs.c.id).where(IS_RUNNING, jobs.c.lease_owner.in_(bindparam("workers", expanding=True)))
_SUSPECTS = select(workers.c.name).where(workers.c.deadline < bindparam("now")).order_by(workers.c.name)
_LATE = _SUSPECTS.with_for_update(skip_locked=True)
_EXTEND = update(workers).where(workers.c.name == bindparam("worker"))


# Only with an order and a limit that an index has already: a claim reads no more rows than it takes.
_READY = select(*COLUMNS).where(
    IS_READY, jobs.c.pool == bindparam("pool"), jobs.c.ready_at <= bindparam("now")
)
_READY = _READY.limit(bindparam("most")).with_for_update(skip_locked=True)
_IN_TURN = _READY.order_by(jobs.c.priority, jobs.c.start_tag, jobs.c.ready_at, jobs.c.id)
_URGENT = _READY.where(jobs.c.deadline.is_not(None)).order_by(jobs.c.priority, jobs.c.deadline, jobs.c.id)


def claim(
    connection: Connection,
    worker: str,
    *,
    pools: Sequence[str],
    limit: int,
    lease_s: float,
    now: float,
    rng: random.Random,
) -> list[Claim]:
    """Lend up to `limit` due jobs to a worker; extends its lease.

    By priority; within one, half of the places go to the nearest deadlines, the others by turn: so a deadline
    moves a job ahead, and yet no owner can keep others away by setting deadlines. Run again after a commit
    whose answer was lost, it finds what it lent then.
    """
    if answer_was_lost(connection):
        lent = fetch(connection, _LENT, {"worker": worker, "now": now})
        if lent:
            records = [record_of(row) for row in lent]
            return _claims(connection, lent, records, {worker: now + lease_s})
    in_turn: list[Any] = []
    urgent: list[Any] = []
    for pool in dict.fromkeys(pools):
        asked = {"pool": pool, "now": now, "most": limit}
        in_turn += fetch(connection, _IN_TURN, asked)
        urgent += fetch(connection, _URGENT, asked | {"most": (limit + 1) // 2})
    if not in_turn and not urgent:
        return []
    in_turn.sort(key=lambda row: (row.priority, row.start_tag, row.ready_at, row.job_id))
    urgent.sort(key=lambda row: (row.priority, row.deadline, row.job_id))
    rows = alternate(in_turn, urgent, limit, urgent_first=bool(urgent) and rng.random() < _EVEN)
    deadline = extend(connection, worker, lease_s, now)
    records = [_lend(record_of(row), worker, now) for row in rows]
    write(connection, records, CLAIMED)
    return _claims(connection, rows, records, {worker: deadline})


def alternate(in_turn: Sequence[Any], urgent: Sequence[Any], limit: int, *, urgent_first: bool) -> list[Any]:
    """Up to `limit` rows, priority by priority, from both orders in alternation, each once."""
    if not urgent:
        return list(in_turn[:limit])
    taken: dict[str, Any] = {}
    for priority in sorted({row.priority for row in (*in_turn, *urgent)}):
        queues = [[row for row in rows if row.priority == priority] for rows in (in_turn, urgent)]
        queues = queues[::-1] if urgent_first else queues
        for pair in zip_longest(*queues):
            for row in pair:
                if row is not None and len(taken) < limit:
                    taken.setdefault(row.job_id, row)
    return list(taken.values())


def _lend(record: Record, worker: str, now: float) -> Record:
    record.step(Event.CLAIM)
    record.attempt += 1
    record.starts += 1
    record.fence += 1
    record.lease_owner = worker
    record.ready_at = None
    record.started = now
    return record


def _claims(
    connection: Connection, rows: Sequence[Any], records: Sequence[Record], deadlines: dict[str, float]
) -> list[Claim]:
    edges = dependencies_of(connection, [row.job_id for row in rows])
    return [
        Claim(job=job_of(row, edges.get(row.job_id, ()), deadlines, record), fence=record.fence)
        for row, record in zip(rows, records, strict=True)
    ]


def register(connection: Connection, worker: str, host: str, pid: int, lease_s: float, now: float) -> None:
    """Make a worker known, or known anew."""
    connection.execute(delete(workers).where(workers.c.name == worker))
    row = {"name": worker, "host": host, "pid": pid, "registered": now, "deadline": now + lease_s}
    connection.execute(insert(workers), row)


def extend(connection: Connection, worker: str, lease_s: float, now: float) -> float:
    """Keep a worker's lease alive; returns its new deadline."""
    deadline = now + lease_s
    known = change(connection, _EXTEND, {"worker": worker, "deadline": deadline})
    if not known:
        row = {"name": worker, "host": "", "pid": 0, "registered": now, "deadline": deadline}
        connection.execute(insert(workers), row)
    return deadline


def leave(connection: Connection, worker: str) -> None:
    """Forget a worker, unless it still holds something."""
    if not held(connection, worker):
        connection.execute(delete(workers).where(workers.c.name == worker))
        commands.forget_workers(connection, [worker])


def held(connection: Connection, worker: str) -> dict[str, int]:
    """The jobs that a worker holds, with their fences."""
    return {row.id: row.fence for row in fetch(connection, _HELD, {"worker": worker})}


@dataclass(frozen=True, kw_only=True)
class Expired:
    """The workers whose leases ran out, and the jobs taken back from them."""

    workers: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()


def expire(connection: Connection, *, poison_after: int, now: float) -> Expired:
    """Take the jobs back from workers whose lease ran out, and forget these workers."""
    suspects = list(connection.execute(_SUSPECTS, {"now": now}).scalars())
    if not suspects:
        return Expired()
    # Their assets before their rows: a claim that waits for its worker's row holds jobs that others await.
    lock_jobs(connection, list(connection.execute(_HELD_BY, {"workers": suspects}).scalars()))
    late = list(connection.execute(_LATE, {"now": now}).scalars())
    lost = take_back(connection, late, poison_after=poison_after, now=now)
    connection.execute(delete(workers).where(workers.c.name.in_(late)))
    commands.forget_workers(connection, late)
    return Expired(workers=tuple(late), jobs=tuple(lost))


def take_back(connection: Connection, names: Collection[str], *, poison_after: int, now: float) -> list[str]:
    """Make ready what these vanished workers held, or bury what has taken too many workers with it."""
    ids = list(connection.execute(_HELD_BY, {"workers": list(names)}).scalars())
    lock_jobs(connection, ids)
    records = {
        name: record
        for name, record in lock(connection, ids).items()
        if record.state == State.RUNNING and record.lease_owner in names
    }
    for record in records.values():
        _lose(record, poison_after, now)
    write(connection, records.values())
    dead = {name: name for name, record in records.items() if record.state == State.DEAD}
    cancel_dependants(connection, dead, now)
    return sorted(records)


def _lose(record: Record, poison_after: int, now: float) -> None:
    worker = record.lease_owner
    record.losses += 1
    if record.losses < poison_after:
        hand_back(record, Event.LOSE, now)
        return
    record.interruptions += 1
    evidence = {
        "error": "KillsItsWorker",
        "message": f"its worker vanished {record.losses} times in a row, last {worker}",
        "remedy": "look for crashes or exhausted memory in the system's log, then retry the job",
    }
    bury(record, evidence, "kills its worker", now)
