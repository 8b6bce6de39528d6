"""The transactional outbox: what became ready is noted in that transaction, and published after it.

One row a job, for as long as the job is open: first to be published (`sent` is null), then to know which
publication counts and how old it is. A kill between commit and publication leaves the row, and whoever looks
next publishes it; a kill between publication and the note of it publishes twice, which is harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, not_, or_, select, update

from eddyline.graph.bulk import batches, rows_for
from eddyline.graph.exchange import STRIDE, Offer, publication
from eddyline.graph.leases import IS_READY, IS_RUNNING
from eddyline.graph.records import COLUMNS, jobs_of
from eddyline.graph.tables import jobs, outbox

_READY = (
    select(jobs.c.id, jobs.c.fence, jobs.c.cls, jobs.c.priority, jobs.c.turn, jobs.c.ready_at, outbox.c.base)
    .select_from(jobs.outerjoin(outbox, outbox.c.job_id == jobs.c.id))
    .where(jobs.c.id.in_(bindparam("ids", expanding=True)), IS_READY)
    .order_by(jobs.c.id)
)
_DUE = (
    select(outbox.c.job_id, outbox.c.base)
    .where(
        outbox.c.sent.is_(None),
        outbox.c.due <= bindparam("now"),
        outbox.c.taken <= bindparam("now"),
        outbox.c.cls.in_(bindparam("classes", expanding=True)),
    )
    .order_by(outbox.c.priority, outbox.c.turn, outbox.c.due, outbox.c.job_id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_JOBS = select(*COLUMNS).where(jobs.c.id.in_(bindparam("ids", expanding=True)), IS_READY)
_RUNNING = select(jobs.c.id).where(jobs.c.id.in_(bindparam("ids", expanding=True)), IS_RUNNING)
_BASES = select(outbox.c.job_id, outbox.c.base).where(outbox.c.job_id.in_(bindparam("ids", expanding=True)))
_TAKE = update(outbox).where(outbox.c.job_id.in_(bindparam("ids", expanding=True)))
_SENT = update(outbox).where(outbox.c.job_id == bindparam("the_job"), outbox.c.base == bindparam("the_base"))


def enqueue(connection: Connection, ids: Sequence[str]) -> None:
    """Note jobs that are ready, to be published when due: a ledger's `on_ready`.

    What was published of them before no longer counts.
    """
    rows = rows_for(connection, _READY, ids)
    forget(connection, [row.id for row in rows])
    if rows:
        connection.execute(
            insert(outbox),
            [
                {
                    "job_id": row.id,
                    "base": publication(max(row.fence, row.base or 0)) + STRIDE,
                    "cls": row.cls,
                    "priority": row.priority,
                    "turn": row.turn,
                    "due": row.ready_at,
                    "taken": 0.0,
                    "sent": None,
                }
                for row in rows
            ],
        )


def forget(connection: Connection, ids: Collection[str]) -> None:
    """Nothing published of these jobs counts any more."""
    for batch in batches(ids):
        connection.execute(delete(outbox).where(outbox.c.job_id.in_(batch)))


def bases(connection: Connection, ids: Collection[str]) -> dict[str, int]:
    """Per job the base of the publication that counts."""
    return {row.job_id: row.base for row in rows_for(connection, _BASES, ids)}


def take(
    connection: Connection, *, classes: Collection[str], limit: int, hold_s: float, now: float
) -> list[Offer]:
    """Up to `limit` publications that are due; nobody else takes them for `hold_s`.

    Jobs that are no longer ready (cancelled meanwhile) are dropped.
    """
    due = {
        row.job_id: row.base
        for row in connection.execute(_DUE, {"now": now, "most": limit, "classes": list(classes)})
    }
    if not due:
        return []
    found = {job.id: job for job in jobs_of(connection, rows_for(connection, _JOBS, due), {})}
    _set_aside(connection, due.keys() - found.keys(), now)
    for batch in batches(found):
        connection.execute(_TAKE.values(taken=now + hold_s), {"ids": batch})
    return [Offer(job=found[name], base=base) for name, base in due.items() if name in found]


def _set_aside(connection: Connection, ids: Collection[str], now: float) -> None:
    """See to rows not to be published: a job that runs has been, only nobody lived to note it."""
    running: set[str] = set()
    for batch in batches(ids):
        running.update(connection.execute(_RUNNING, {"ids": batch}).scalars())
        connection.execute(_TAKE.values(sent=now), {"ids": sorted(running.intersection(batch))})
    forget(connection, set(ids) - running)


def confirm(connection: Connection, offers: Sequence[Offer], now: float) -> None:
    """These were published. What has been enqueued anew meanwhile still is to be."""
    # In the order of ids, as every transaction here locks.
    ordered = sorted(offers, key=lambda offer: offer.job.id)
    if ordered:
        connection.execute(
            _SENT, [{"the_job": offer.job.id, "the_base": offer.base, "sent": now} for offer in ordered]
        )


def release(connection: Connection, offers: Sequence[Offer], until: float) -> None:
    """These could not be published; they may be tried again from then on."""
    for batch in batches([offer.job.id for offer in offers]):
        connection.execute(_TAKE.values(taken=until), {"ids": batch})


def next_due(connection: Connection) -> float | None:
    """When the next publication is due (seconds since 1970); None: there is none to come."""
    query = select(func.min(outbox.c.due)).where(outbox.c.sent.is_(None))
    found = connection.execute(query).scalar()
    return None if found is None else float(found)


def unpublishable(connection: Connection, lane: Callable[[str, int], str | None]) -> dict[str, int]:
    """By class, how many jobs are due for which there is no queue."""
    query = select(outbox.c.cls, outbox.c.priority, func.count()).where(outbox.c.sent.is_(None))
    found: dict[str, int] = {}
    for cls, priority, count in connection.execute(query.group_by(outbox.c.cls, outbox.c.priority)):
        if lane(cls, priority) is None:
            found[cls] = found.get(cls, 0) + int(count)
    return found


def unnoted(connection: Connection, *, before: float, limit: int) -> list[str]:
    """Jobs ready since some time without a row: submitted by a program that knows of no outbox."""
    query: Any = (
        select(jobs.c.id)
        .select_from(jobs.outerjoin(outbox, outbox.c.job_id == jobs.c.id))
        .where(IS_READY, outbox.c.job_id.is_(None), jobs.c.ready_at <= before)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def ended(connection: Connection, *, limit: int) -> list[str]:
    """Jobs with a row that are neither ready nor running any more."""
    query = (
        select(outbox.c.job_id)
        .select_from(outbox.outerjoin(jobs, jobs.c.id == outbox.c.job_id))
        .where(or_(jobs.c.id.is_(None), not_(or_(IS_READY, IS_RUNNING))))
        .limit(limit)
    )
    return list(connection.execute(query).scalars())
