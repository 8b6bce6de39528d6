"""Finding jobs that were published and then lost, without publishing a long queue a second time.

A backlog may keep a message waiting for hours, so age alone proves nothing. What proves a loss is that a
queue holds fewer messages than the ledger has open publications for it. Queues count only about right, and
stray messages may hide a loss, so there is an age beyond which a job is published again in any case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, func, or_, select

from eddyline.graph.command import Command, CommandKind
from eddyline.graph.db.schema import jobs, workers
from eddyline.graph.db.schema import outbox as rows
from eddyline.graph.ledger import commands, outbox
from eddyline.graph.ledger.leases import IS_READY, IS_RUNNING
from eddyline.graph.ledger.orphan_detection import Running
from eddyline.graph.ledger.rows import lock, write
from eddyline.graph.states import Event, State


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Ages in seconds, and how much one sweep may do.

    `grace_s` is for jobs that nobody noted, `stale_s` for publications of a queue that holds too few,
    `give_up_s` for those of any queue. At most `limit` jobs of each sort.
    """

    grace_s: float = 1.0
    stale_s: float = 120.0
    give_up_s: float = 6 * 3600.0
    limit: int = 1000


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a sweep did: jobs noted that nobody had, published again, and forgotten because they ended.

    `lacking`: by lane, how many messages there are too few.
    """

    noted: int = 0
    republished: int = 0
    forgotten: int = 0
    lacking: Mapping[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, kw_only=True)
class Silent:
    """A job published at `sent` (seconds since 1970) that no living worker is known to hold."""

    job_id: str
    lane: str
    sent: float


def lost(
    silent: Iterable[Silent],
    *,
    outstanding: Mapping[str, int],
    depths: Mapping[str, int],
    bounds: Bounds,
    now: float,
) -> list[str]:
    """Which silent jobs to publish again. Pure.

    `outstanding` is by lane the number of open publications, `depths` about how many messages are there. No
    more are chosen than a lane lacks, the oldest first: all others of it are still there.
    """
    missing = Counter({lane: outstanding.get(lane, 0) - depth for lane, depth in depths.items()})
    chosen = []
    for each in sorted(silent, key=lambda s: (s.sent, s.job_id)):
        age = now - each.sent
        if age >= bounds.give_up_s or (missing[each.lane] > 0 and age >= bounds.stale_s):
            chosen.append(each.job_id)
            missing[each.lane] -= 1
    return chosen[: bounds.limit]


def sweep(
    connection: Connection,
    *,
    depths: Mapping[str, int] | None,
    lane: Callable[[str, int], str | None],
    bounds: Bounds,
    now: float,
) -> Swept:
    """Note what nobody noted, publish again what was lost, forget what ended; in one transaction.

    Without `depths` nothing is held to be lost: what is silent may only not have been heard yet.
    """
    noted = _note(connection, before=now - bounds.grace_s, limit=bounds.limit)
    ended = outbox.ended(connection, limit=bounds.limit)
    outbox.forget(connection, ended)
    outbox.settle_unsent(connection, now)
    if depths is None:
        return Swept(noted=noted, forgotten=len(ended))
    outstanding = _outstanding(connection, lane)
    lacking = {name: max(outstanding[name] - depth, 0) for name, depth in depths.items()}
    silent = _silent(connection, lane, before=now - bounds.stale_s, limit=bounds.limit)
    ids = lost(silent, outstanding=outstanding, depths=depths, bounds=bounds, now=now)
    ids = _still_old(connection, ids, now - bounds.stale_s)
    republished = publish_again(connection, ids, now=now)
    return Swept(noted=noted, republished=republished, forgotten=len(ended), lacking=lacking)


def _note(connection: Connection, *, before: float, limit: int) -> int:
    ids = outbox.unnoted(connection, before=before, limit=limit)
    locked = lock(connection, ids)
    # Another coordinator may have noted them while this one waited for the locks.
    known = outbox.bases(connection, locked)
    fresh = [name for name, record in locked.items() if record.state == State.READY and name not in known]
    outbox.enqueue(connection, fresh)
    return len(fresh)


def long_running(
    connection: Connection,
    *,
    depths: Mapping[str, int],
    lane: Callable[[str, int], str | None],
    bounds: Bounds,
    now: float,
) -> list[Running]:
    """The oldest publications that living workers hold, of queues that hold too few messages for all."""
    outstanding = _outstanding(connection, lane)
    short = {name for name, depth in depths.items() if depth < outstanding.get(name, 0)}
    if not short:
        return []
    query = (
        select(jobs.c.id, jobs.c.fence, jobs.c.lease_owner, jobs.c.started, rows.c.pool, rows.c.priority)
        .select_from(rows.join(jobs, jobs.c.id == rows.c.job_id))
        .where(rows.c.sent <= now - bounds.stale_s, IS_RUNNING)
        .order_by(rows.c.sent)
        .limit(bounds.limit)
    )
    return [
        Running(job_id=row.id, fence=row.fence, worker=row.lease_owner, started=row.started)
        for row in connection.execute(query)
        if lane(row.pool, row.priority) in short
    ]


def publish_disowned(connection: Connection, found: Sequence[Running], *, now: float) -> int:
    """Publish anew those that still run as they did; returns how many."""
    records = lock(connection, [each.job_id for each in found])
    same = {(each.job_id, each.fence) for each in found}
    ids = [
        record.job_id
        for record in records.values()
        if record.state == State.RUNNING and (record.job_id, record.fence) in same
    ]
    return publish_again(connection, ids, now=now)


def publish_again(connection: Connection, ids: Collection[str], *, now: float) -> int:
    """Publish open jobs anew, whoever may hold them: what was published before no longer counts."""
    records = lock(connection, ids)
    again = [record for record in records.values() if record.state in {State.READY, State.RUNNING}]
    told = [
        Command(
            worker=record.lease_owner,
            kind=CommandKind.GIVE_UP,
            job_id=record.job_id,
            fence=record.fence,
            over=True,
            reason="the job was published anew",
        )
        for record in again
        if record.lease_owner
    ]
    commands.give(connection, told, now)
    for record in again:
        if record.state == State.RUNNING:
            record.make_ready(Event.LOSE, now)
            record.attempt -= 1
            record.interruptions += 1
    write(connection, again)
    outbox.enqueue(connection, [record.job_id for record in again])
    return len(again)


def publish_again_if_last(
    connection: Connection, *, job_id: str, base: int, receipts: int, token: str, now: float
) -> bool:
    """Publish a job anew unless it goes on without the lost message; whether it was.

    `base` and `token` are the message's, which was received at most `receipts` times: a job with a higher
    fence was given out by a message that came after it, as one is where a job is handed back too often.
    """
    record = lock(connection, [job_id]).get(job_id)
    current = outbox.current(connection, [job_id]).get(job_id)
    if record is None or current is None or not current.admits(base, token):
        return False
    if record.fence > base + receipts:
        return False
    return publish_again(connection, [job_id], now=now) > 0


def _still_old(connection: Connection, ids: Collection[str], before: float) -> list[str]:
    """Those of these jobs that nobody published since, now that they are locked."""
    locked = lock(connection, ids)
    old = select(rows.c.job_id).where(rows.c.sent <= before, rows.c.job_id.in_(list(locked)))
    return list(connection.execute(old).scalars())


def _silent(
    connection: Connection, lane: Callable[[str, int], str | None], *, before: float, limit: int
) -> list[Silent]:
    """The oldest publications of jobs that wait, or whose worker is known no more."""
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
        Silent(job_id=row.job_id, lane=lane(row.pool, row.priority) or "", sent=row.sent)
        for row in connection.execute(query)
    ]


def _outstanding(connection: Connection, lane: Callable[[str, int], str | None]) -> Counter[str]:
    query = select(rows.c.pool, rows.c.priority, func.count()).where(rows.c.sent.is_not(None))
    found: Counter[str] = Counter()
    for pool, priority, count in connection.execute(query.group_by(rows.c.pool, rows.c.priority)):
        found[lane(pool, priority) or ""] += int(count)
    return found
