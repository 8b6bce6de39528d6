"""Claims, worker leases, and taking jobs back from lost workers.

A lease belongs to a worker, not to a job: one row is kept alive however many jobs the worker runs.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from eddyline.graph.db.asset_locks import lock_jobs
from eddyline.graph.db.bulk import change, fetch
from eddyline.graph.db.schema import jobs, workers
from eddyline.graph.db.transactions import commit_was_lost
from eddyline.graph.job import Claim, is_accepted
from eddyline.graph.ledger import commands, progress
from eddyline.graph.ledger.dependencies.dependants import cancel_dependants
from eddyline.graph.ledger.fair_queue import alternate
from eddyline.graph.ledger.quarantine import record_loss
from eddyline.graph.ledger.rows import (
    CLAIMED,
    COLUMNS,
    IS_READY,
    IS_RUNNING,
    Record,
    dependencies_of,
    job_of,
    lock,
    record_of,
    write,
)
from eddyline.graph.machine import UNKNOWN_MACHINE, Machine
from eddyline.graph.states import State

_EVEN = 0.5
LOOK_AHEAD = 32
"""The further rows that a claim reads if it does not take every job."""

_CLAIMED_NOW = select(*COLUMNS).where(
    IS_RUNNING, jobs.c.lease_owner == bindparam("worker"), jobs.c.started == bindparam("now")
)
_CLAIMED_NOW = _CLAIMED_NOW.order_by(jobs.c.priority, jobs.c.start_tag, jobs.c.id)
_HELD = select(jobs.c.id, jobs.c.fence).where(IS_RUNNING, jobs.c.lease_owner == bindparam("worker"))
_HELD_BY = select(jobs.c.id).where(IS_RUNNING, jobs.c.lease_owner.in_(bindparam("workers", expanding=True)))
_SUSPECTS = select(workers.c.name).where(workers.c.deadline < bindparam("now")).order_by(workers.c.name)
_EXPIRED = _SUSPECTS.with_for_update(skip_locked=True)
_EXTEND = update(workers).where(workers.c.name == bindparam("worker"))


# Only in an order and with a limit that an index has: a claim reads no more rows than it takes.
_READY = select(*COLUMNS).where(
    IS_READY, jobs.c.pool == bindparam("pool"), jobs.c.ready_at <= bindparam("now")
)
_READY = _READY.limit(bindparam("most")).with_for_update(skip_locked=True)
_FAIR = _READY.order_by(jobs.c.priority, jobs.c.start_tag, jobs.c.ready_at, jobs.c.id)
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
    most_weight: Mapping[str, float] | None = None,
) -> list[Claim]:
    """Claim up to `limit` due jobs for a worker; extends its lease.

    Jobs are claimed by priority. Within one, half of the places go to the nearest deadlines, the others by
    start tag: a deadline moves a job ahead, but no owner can starve others by setting deadlines. Run again
    after a commit whose confirmation was lost, it returns what was claimed then. `most_weight`: it claims
    only jobs of these kinds and at most these weights, among the first of the queue.
    """
    if commit_was_lost(connection):
        claimed = fetch(connection, _CLAIMED_NOW, {"worker": worker, "now": now})
        if claimed:
            records = [record_of(row) for row in claimed]
            return _claims(connection, claimed, records, {worker: now + lease_s})
    fair: list[Any] = []
    urgent: list[Any] = []
    for pool in dict.fromkeys(pools):
        further = 0 if most_weight is None else LOOK_AHEAD
        values = {"pool": pool, "now": now, "most": limit + further}
        fair += fetch(connection, _FAIR, values)
        urgent += fetch(connection, _URGENT, values | {"most": (limit + 1) // 2 + further})
    if most_weight is not None:
        fair = [row for row in fair if is_accepted(row.kind, row.weight, most_weight)]
        urgent = [row for row in urgent if is_accepted(row.kind, row.weight, most_weight)]
    if not fair and not urgent:
        return []
    fair.sort(key=lambda row: (row.priority, row.start_tag, row.ready_at, row.job_id))
    urgent.sort(key=lambda row: (row.priority, row.deadline, row.job_id))
    rows = alternate(fair, urgent, limit, urgent_first=bool(urgent) and rng.random() < _EVEN)
    deadline = extend(connection, worker, lease_s, now)
    records = [_claim(record_of(row), worker, now) for row in rows]
    write(connection, records, CLAIMED)
    return _claims(connection, rows, records, {worker: deadline})


def _claim(record: Record, worker: str, now: float) -> Record:
    record.start(worker, fence=record.fence + 1, at=now)
    return record


def _claims(
    connection: Connection, rows: Sequence[Any], records: Sequence[Record], deadlines: dict[str, float]
) -> list[Claim]:
    edges = dependencies_of(connection, [row.job_id for row in rows])
    return [
        Claim(job=job_of(row, edges.get(row.job_id, ()), deadlines, record), fence=record.fence)
        for row, record in zip(rows, records, strict=True)
    ]


def register(
    connection: Connection,
    worker: str,
    host: str,
    pid: int,
    *,
    lease_s: float,
    now: float,
    machine: Machine = UNKNOWN_MACHINE,
) -> None:
    """Register a worker on its machine; replaces an earlier registration."""
    connection.execute(delete(workers).where(workers.c.name == worker))
    row = {"name": worker, "host": host, "pid": pid, "registered": now, "deadline": now + lease_s}
    connection.execute(insert(workers), {**row, **asdict(machine)})


def extend(
    connection: Connection, worker: str, lease_s: float, now: float, machine: Machine = UNKNOWN_MACHINE
) -> float:
    """Extend a worker's lease, registering it if it is unknown; returns the new deadline.

    An unknown machine changes nothing that is known.
    """
    deadline = now + lease_s
    columns = asdict(machine) if machine.is_known else {}
    known = change(connection, _EXTEND, {"worker": worker, "deadline": deadline, **columns})
    if not known:
        row = {"name": worker, "host": "", "pid": 0, "registered": now, "deadline": deadline}
        connection.execute(insert(workers), {**row, **columns})
    return deadline


def deregister(connection: Connection, worker: str) -> None:
    """Remove a worker, unless it still holds jobs."""
    if not held_jobs(connection, worker):
        connection.execute(delete(workers).where(workers.c.name == worker))
        commands.remove_workers(connection, [worker])


def held_jobs(connection: Connection, worker: str) -> dict[str, int]:
    """The jobs that a worker holds, with their fences."""
    return {row.id: row.fence for row in fetch(connection, _HELD, {"worker": worker})}


@dataclass(frozen=True, kw_only=True)
class Expired:
    """The workers whose leases ran out, and the jobs taken back from them, by id."""

    workers: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()


def expire(connection: Connection, *, poison_after: int, now: float) -> Expired:
    """Take the jobs back from workers whose leases ran out, and remove these workers."""
    suspects = list(connection.execute(_SUSPECTS, {"now": now}).scalars())
    if not suspects:
        return Expired()
    # Lock their assets before their rows: a claim that waits for its worker's row holds jobs of others.
    lock_jobs(connection, list(connection.execute(_HELD_BY, {"workers": suspects}).scalars()))
    expired = list(connection.execute(_EXPIRED, {"now": now}).scalars())
    lost = release(connection, expired, poison_after=poison_after, now=now)
    connection.execute(delete(workers).where(workers.c.name.in_(expired)))
    commands.remove_workers(connection, expired)
    return Expired(workers=tuple(expired), jobs=tuple(lost))


def release(connection: Connection, names: Collection[str], *, poison_after: int, now: float) -> list[str]:
    """Take the jobs of lost workers back: they become ready, or dead after too many losses in a row."""
    ids = list(connection.execute(_HELD_BY, {"workers": list(names)}).scalars())
    lock_jobs(connection, ids)
    records = {
        name: record
        for name, record in lock(connection, ids).items()
        if record.state == State.RUNNING and record.lease_owner in names
    }
    spent = progress.cpu_of(connection, {name: record.fence for name, record in records.items()})
    for name, record in records.items():
        record_loss(record, poison_after=poison_after, now=now)
        if record.ended_start is not None:
            record.ended_start.cpu_s = spent.get(name)
    write(connection, records.values())
    dead = {name: name for name, record in records.items() if record.state == State.DEAD}
    cancel_dependants(connection, dead, now)
    return sorted(records)
