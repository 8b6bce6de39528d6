"""Finds jobs that were published and then lost, without publishing a long queue a second time.

A backlog may keep a message waiting for hours, so age alone proves nothing. A loss is proven if a queue holds
fewer messages than the ledger has open publications for it. Queues count only approximately, and stray
messages may hide a loss, so beyond a certain age a job is published again in any case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, func, or_, select

from eddyline.graph.db.schema import jobs, workers
from eddyline.graph.db.schema import outbox as rows
from eddyline.graph.ledger import commands
from eddyline.graph.ledger.cancel import cancel_command
from eddyline.graph.ledger.outbox import entries
from eddyline.graph.ledger.outbox.orphan_detection import StartedJob
from eddyline.graph.ledger.rows import IS_READY, IS_RUNNING, lock, write
from eddyline.graph.states import Event, State


@dataclass(frozen=True, kw_only=True)
class ReconcileLimits:
    """Minimum ages in seconds, and at most how many jobs of each sort one reconciliation changes.

    `grace_s` applies to ready jobs without a row in the outbox, `stale_s` to publications of a queue that
    holds too few messages, `give_up_s` to those of any queue.
    """

    grace_s: float = 1.0
    stale_s: float = 120.0
    give_up_s: float = 6 * 3600.0
    limit: int = 1000


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """Numbers of jobs that were added to the outbox, published again, and removed because they ended.

    `missing` is by lane the number of messages that its queue lacks.
    """

    enqueued: int = 0
    republished: int = 0
    removed: int = 0
    missing: Mapping[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, kw_only=True)
class UnheldPublication:
    """A job published at `sent` (seconds since 1970) that no live worker is known to hold."""

    job_id: str
    lane: str
    sent: float


def lost_jobs(
    unheld: Iterable[UnheldPublication],
    *,
    outstanding: Mapping[str, int],
    depths: Mapping[str, int],
    limits: ReconcileLimits,
    now: float,
) -> list[str]:
    """The jobs to publish again. Pure.

    `outstanding` is by lane the number of open publications, `depths` the approximate number of messages. Of
    each lane the oldest are chosen, no more than it lacks messages: all others still have one.
    """
    lacking = Counter({lane: outstanding.get(lane, 0) - depth for lane, depth in depths.items()})
    chosen = []
    for each in sorted(unheld, key=lambda s: (s.sent, s.job_id)):
        age = now - each.sent
        if age >= limits.give_up_s or (lacking[each.lane] > 0 and age >= limits.stale_s):
            chosen.append(each.job_id)
            lacking[each.lane] -= 1
    return chosen[: limits.limit]


def reconcile(
    connection: Connection,
    *,
    depths: Mapping[str, int] | None,
    lane: Callable[[str, int], str | None],
    limits: ReconcileLimits,
    now: float,
) -> Reconciled:
    """Enqueue ready jobs without a row, publish lost ones again, remove ended ones; in one transaction.

    Without `depths` no job counts as lost: reports about it may not have been received yet.
    """
    enqueued = _enqueue_missing(connection, before=now - limits.grace_s, limit=limits.limit)
    ended = entries.ended(connection, limit=limits.limit)
    entries.remove(connection, ended)
    entries.confirm_running(connection, now)
    if depths is None:
        return Reconciled(enqueued=enqueued, removed=len(ended))
    outstanding = _outstanding(connection, lane)
    missing = {name: max(outstanding[name] - depth, 0) for name, depth in depths.items()}
    unheld = _unheld(connection, lane, before=now - limits.stale_s, limit=limits.limit)
    ids = lost_jobs(unheld, outstanding=outstanding, depths=depths, limits=limits, now=now)
    ids = _still_old(connection, ids, now - limits.stale_s)
    republished = republish(connection, ids, now=now)
    return Reconciled(enqueued=enqueued, republished=republished, removed=len(ended), missing=missing)


def _enqueue_missing(connection: Connection, *, before: float, limit: int) -> int:
    ids = entries.missing(connection, before=before, limit=limit)
    locked = lock(connection, ids)
    # Another coordinator may have enqueued them while this one waited for the locks.
    known = entries.current_publications(connection, locked)
    new = [name for name, record in locked.items() if record.state == State.READY and name not in known]
    entries.enqueue(connection, new)
    return len(new)


def long_running(
    connection: Connection,
    *,
    depths: Mapping[str, int],
    lane: Callable[[str, int], str | None],
    limits: ReconcileLimits,
    now: float,
) -> list[StartedJob]:
    """The oldest publications that live workers hold, of queues that hold too few messages."""
    outstanding = _outstanding(connection, lane)
    short = {name for name, depth in depths.items() if depth < outstanding.get(name, 0)}
    if not short:
        return []
    query = (
        select(jobs.c.id, jobs.c.fence, jobs.c.lease_owner, jobs.c.started, rows.c.pool, rows.c.priority)
        .select_from(rows.join(jobs, jobs.c.id == rows.c.job_id))
        .where(rows.c.sent <= now - limits.stale_s, IS_RUNNING)
        .order_by(rows.c.sent)
        .limit(limits.limit)
    )
    return [
        StartedJob(job_id=row.id, fence=row.fence, worker=row.lease_owner, started=row.started)
        for row in connection.execute(query)
        if lane(row.pool, row.priority) in short
    ]


def republish_orphaned(connection: Connection, orphaned: Sequence[StartedJob], *, now: float) -> int:
    """Publish those again that still run under the same fence; returns how many."""
    records = lock(connection, [each.job_id for each in orphaned])
    same = {(each.job_id, each.fence) for each in orphaned}
    ids = [
        record.job_id
        for record in records.values()
        if record.state == State.RUNNING and (record.job_id, record.fence) in same
    ]
    return republish(connection, ids, now=now)


def republish(connection: Connection, ids: Collection[str], *, now: float) -> int:
    """Publish open jobs again, even if a worker holds them: earlier publications no longer count."""
    records = lock(connection, ids)
    again = [record for record in records.values() if record.state in {State.READY, State.RUNNING}]
    holders = [record for record in again if record.lease_owner]
    commands.add(
        connection, [cancel_command(record, "the job was published again") for record in holders], now
    )
    for record in again:
        if record.state == State.RUNNING:
            record.hand_back(Event.LOSE, now)
    write(connection, again)
    entries.enqueue(connection, [record.job_id for record in again])
    return len(again)


def republish_dead_letter(
    connection: Connection, *, job_id: str, base: int, receipts: int, token: str, now: float
) -> bool:
    """Publish a job again, unless it continues without the lost message; returns whether it was published.

    `base` and `token` are those of the message, which was received at most `receipts` times: a higher fence
    of the job comes from a later message, for example because the job was handed back too often.
    """
    record = lock(connection, [job_id]).get(job_id)
    current = entries.current_publications(connection, [job_id]).get(job_id)
    if record is None or current is None or not current.admits(base, token):
        return False
    if record.fence > base + receipts:
        return False
    return republish(connection, [job_id], now=now) > 0


def _still_old(connection: Connection, ids: Collection[str], before: float) -> list[str]:
    """Those of these jobs that were not published since, now that they are locked."""
    locked = lock(connection, ids)
    old = select(rows.c.job_id).where(rows.c.sent <= before, rows.c.job_id.in_(list(locked)))
    return list(connection.execute(old).scalars())


def _unheld(
    connection: Connection, lane: Callable[[str, int], str | None], *, before: float, limit: int
) -> list[UnheldPublication]:
    """The oldest publications of jobs that are ready, or whose worker was removed."""
    query = (
        select(rows.c.job_id, rows.c.pool, rows.c.priority, rows.c.sent)
        .select_from(
            rows.join(jobs, jobs.c.id == rows.c.job_id).outerjoin(
                workers, workers.c.name == jobs.c.lease_owner
            )
        )
        .where(
            rows.c.sent <= before,
            or_(
                IS_READY,
                and_(IS_RUNNING, workers.c.name.is_(None)),
            ),
        )
        .order_by(rows.c.sent)
        .limit(limit)
    )
    return [
        UnheldPublication(job_id=row.job_id, lane=lane(row.pool, row.priority) or "", sent=row.sent)
        for row in connection.execute(query)
    ]


def _outstanding(connection: Connection, lane: Callable[[str, int], str | None]) -> Counter[str]:
    query = select(rows.c.pool, rows.c.priority, func.count()).where(rows.c.sent.is_not(None))
    found: Counter[str] = Counter()
    for pool, priority, count in connection.execute(query.group_by(rows.c.pool, rows.c.priority)):
        found[lane(pool, priority) or ""] += int(count)
    return found
