"""The transactional outbox: what became ready is noted in that transaction, and published after it.

One row a job, for as long as the job is open: first to be published (`sent` is null), then to know which
publication counts and how old it is. A kill between commit and publication leaves the row, and whoever looks
next publishes it; a kill between publication and the note of it publishes twice, which is harmless.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, not_, or_, select, update

from eddyline.graph.db.bulk import batches, rows_for
from eddyline.graph.db.schema import jobs, outbox
from eddyline.graph.ledger.leases import IS_READY, IS_RUNNING, alternate
from eddyline.graph.ledger.rows import COLUMNS, jobs_of
from eddyline.graph.messages import STRIDE, Publication, publication

_ENDLESS = (1 << 31) - 1
_READY = (
    select(
        jobs.c.id,
        jobs.c.fence,
        jobs.c.pool,
        jobs.c.priority,
        jobs.c.start_tag,
        jobs.c.ready_at,
        outbox.c.base,
    )
    .select_from(jobs.outerjoin(outbox, outbox.c.job_id == jobs.c.id))
    .where(jobs.c.id.in_(bindparam("ids", expanding=True)), IS_READY)
    .order_by(jobs.c.id)
)
_DUE = (
    select(*COLUMNS, outbox.c.base, outbox.c.token)
    .select_from(jobs.join(outbox, outbox.c.job_id == jobs.c.id))
    .where(
        IS_READY,
        jobs.c.pool == bindparam("pool"),
        jobs.c.priority == bindparam("priority"),
        jobs.c.ready_at <= bindparam("now"),
        outbox.c.sent.is_(None),
        outbox.c.taken <= bindparam("now"),
    )
    .limit(bindparam("most"))
    .with_for_update(of=outbox, skip_locked=True)
)
# As workers claim who see the ledger: the same indexes hold these orders (leases.py).
_IN_TURN = _DUE.order_by(jobs.c.start_tag, jobs.c.ready_at, jobs.c.id)
_URGENT = _DUE.where(jobs.c.deadline.is_not(None)).order_by(jobs.c.deadline, jobs.c.id)
_NEXT_PRIORITY = (
    select(jobs.c.priority)
    .where(IS_READY, jobs.c.pool == bindparam("pool"), jobs.c.priority > bindparam("above"))
    .order_by(jobs.c.priority)
    .limit(1)
)
_WAITING = (
    select(outbox.c.pool, outbox.c.priority, func.count())
    .select_from(outbox.join(jobs, jobs.c.id == outbox.c.job_id))
    .where(outbox.c.sent.is_not(None), IS_READY)
    .group_by(outbox.c.pool, outbox.c.priority)
)
_RUNNING = select(jobs.c.id).where(IS_RUNNING)
_CURRENT = select(outbox.c.job_id, outbox.c.base, outbox.c.token).where(
    outbox.c.job_id.in_(bindparam("ids", expanding=True))
)
_TOKEN_BYTES = 16
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
                    "pool": row.pool,
                    "priority": row.priority,
                    "start_tag": row.start_tag,
                    "due": row.ready_at,
                    "taken": 0.0,
                    "sent": None,
                    "token": secrets.token_hex(_TOKEN_BYTES),
                }
                for row in rows
            ],
        )


def forget(connection: Connection, ids: Collection[str]) -> None:
    """Nothing published of these jobs counts any more."""
    for batch in batches(ids):
        connection.execute(delete(outbox).where(outbox.c.job_id.in_(batch)))


@dataclass(frozen=True, slots=True)
class Current:
    """The publication of a job that counts; `token` None: it was published before there were tokens."""

    base: int
    token: str | None

    def admits(self, fence: int, token: str) -> bool:
        """Whether a report with this fence and token is about this publication, and may be believed."""
        if publication(fence) != self.base:
            return False
        return self.token is None or hmac.compare_digest(self.token.encode(), token.encode())

    def proves(self, fence: int, token: str) -> bool:
        """Whether the sender of such a report has received this publication's message."""
        return self.token is not None and self.admits(fence, token)


def current(connection: Connection, ids: Collection[str]) -> dict[str, Current]:
    """Per job the publication that counts."""
    return {row.job_id: Current(row.base, row.token) for row in rows_for(connection, _CURRENT, ids)}


def bases(connection: Connection, ids: Collection[str]) -> dict[str, int]:
    """Per job the base of the publication that counts."""
    return {name: found.base for name, found in current(connection, ids).items()}


def _no_end(_cls: str, _priority: int) -> int:
    return _ENDLESS


def take(
    connection: Connection,
    *,
    pools: Collection[str],
    limit: int,
    hold_s: float,
    now: float,
    room: Callable[[str, int], int] = _no_end,
    urgent_first: bool = False,
) -> list[Publication]:
    """Up to `limit` publications that are due; nobody else takes them for `hold_s`.

    By priority, and of each class and priority as many as there is `room` for: half of the places go to the
    nearest deadlines, the others by turn.
    """
    rows: list[Any] = []
    for priority, pool in sorted((one, name) for name in set(pools) for one in _priorities(connection, name)):
        most = min(room(pool, priority), limit - len(rows))
        if most > 0:
            asked = {"pool": pool, "priority": priority, "now": now, "most": most}
            in_turn = connection.execute(_IN_TURN, asked).all()
            urgent = connection.execute(_URGENT, asked | {"most": (most + 1) // 2}).all()
            rows += alternate(in_turn, urgent, most, urgent_first=urgent_first)
    found = {row.job_id: row for row in rows}
    for batch in batches(found):
        connection.execute(_TAKE.values(taken=now + hold_s), {"ids": batch})
    return [
        Publication(job=job, base=found[job.id].base, token=found[job.id].token or "")
        for job in jobs_of(connection, rows, {})
    ]


def _priorities(connection: Connection, pool: str) -> Iterator[int]:
    """The priorities of ready jobs, one index seek each."""
    above = -_ENDLESS
    while (found := connection.execute(_NEXT_PRIORITY, {"pool": pool, "above": above}).scalar()) is not None:
        above = int(found)
        yield above


def waiting(connection: Connection) -> dict[tuple[str, int], int]:
    """By class and priority, how many published jobs no worker is known to have begun."""
    return {(row[0], row[1]): int(row[2]) for row in connection.execute(_WAITING)}


def settle_unsent(connection: Connection, now: float) -> None:
    """A job that runs has been published, only nobody lived to note it."""
    query = update(outbox).where(outbox.c.sent.is_(None), outbox.c.job_id.in_(_RUNNING))
    connection.execute(query.values(sent=now))


def confirm(connection: Connection, offers: Sequence[Publication], now: float) -> None:
    """These were published. What has been enqueued anew meanwhile still is to be."""
    # In the order of ids, as every transaction here locks.
    ordered = sorted(offers, key=lambda offer: offer.job.id)
    if ordered:
        connection.execute(
            _SENT, [{"the_job": offer.job.id, "the_base": offer.base, "sent": now} for offer in ordered]
        )


def release(connection: Connection, offers: Sequence[Publication], until: float) -> None:
    """These could not be published; they may be tried again from then on."""
    for batch in batches([offer.job.id for offer in offers]):
        connection.execute(_TAKE.values(taken=until), {"ids": batch})


def unpublishable(connection: Connection, lane: Callable[[str, int], str | None]) -> dict[str, int]:
    """By class, how many jobs are due for which there is no queue."""
    query = select(outbox.c.pool, outbox.c.priority, func.count()).where(outbox.c.sent.is_(None))
    found: dict[str, int] = {}
    for pool, priority, count in connection.execute(query.group_by(outbox.c.pool, outbox.c.priority)):
        if lane(pool, priority) is None:
            found[pool] = found.get(pool, 0) + int(count)
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
