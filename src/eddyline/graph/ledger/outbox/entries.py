"""The transactional outbox: jobs that become ready are added in the same transaction, and published after it.

It has one row per open job: first to publish the job (`sent` is null), then to record which publication
counts and how old it is. A kill between commit and publication leaves the row, and the next coordinator
publishes it; a kill between publication and its confirmation publishes the job twice, which is harmless.
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
from eddyline.graph.ledger.fair_queue import alternate
from eddyline.graph.ledger.rows import COLUMNS, IS_READY, IS_RUNNING, jobs_of
from eddyline.graph.messages import STRIDE, Publication, publication_base

_UNBOUNDED = (1 << 31) - 1
_READY = (
    select(
        *(jobs.c.id, jobs.c.fence, jobs.c.pool, jobs.c.priority, jobs.c.start_tag, jobs.c.ready_at),
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
# The order in which workers with access to the ledger claim: the same indexes hold it (leases.py).
_FAIR = _DUE.order_by(jobs.c.start_tag, jobs.c.ready_at, jobs.c.id)
_URGENT = _DUE.where(jobs.c.deadline.is_not(None)).order_by(jobs.c.deadline, jobs.c.id)
_NEXT_PRIORITY = (
    select(jobs.c.priority)
    .where(IS_READY, jobs.c.pool == bindparam("pool"), jobs.c.priority > bindparam("above"))
    .order_by(jobs.c.priority)
    .limit(1)
)
_QUEUED = (
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
_SET_TAKEN = update(outbox).where(outbox.c.job_id.in_(bindparam("ids", expanding=True)))
_CONFIRM = update(outbox).where(
    outbox.c.job_id == bindparam("the_job"), outbox.c.base == bindparam("the_base")
)


def enqueue(connection: Connection, ids: Sequence[str]) -> None:
    """Add ready jobs, to be published when they are due; earlier publications of them no longer count."""
    rows = rows_for(connection, _READY, ids)
    remove(connection, [row.id for row in rows])
    if rows:
        connection.execute(
            insert(outbox),
            [
                {
                    "job_id": row.id,
                    "base": publication_base(max(row.fence, row.base or 0)) + STRIDE,
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


def remove(connection: Connection, ids: Collection[str]) -> None:
    """Remove jobs: their publications no longer count."""
    for batch in batches(ids):
        connection.execute(delete(outbox).where(outbox.c.job_id.in_(batch)))


@dataclass(frozen=True, slots=True)
class CurrentPublication:
    """The publication of a job that counts; `token` is None if it is older than tokens."""

    base: int
    token: str | None

    def admits(self, fence: int, token: str) -> bool:
        """Whether a report with this fence and token is about this publication, and authentic."""
        if publication_base(fence) != self.base:
            return False
        return self.token is None or hmac.compare_digest(self.token.encode(), token.encode())

    def proves(self, fence: int, token: str) -> bool:
        """Whether the sender of such a report has received this publication's message."""
        return self.token is not None and self.admits(fence, token)


def current_publications(connection: Connection, ids: Collection[str]) -> dict[str, CurrentPublication]:
    """By job, the publication that counts."""
    return {
        row.job_id: CurrentPublication(row.base, row.token) for row in rows_for(connection, _CURRENT, ids)
    }


def _unbounded(_pool: str, _priority: int) -> int:
    return _UNBOUNDED


def take(
    connection: Connection,
    *,
    pools: Collection[str],
    limit: int,
    hold_s: float,
    now: float,
    room: Callable[[str, int], int] = _unbounded,
    urgent_first: bool = False,
) -> list[Publication]:
    """Take up to `limit` publications that are due; others do not take them for `hold_s`.

    Goes by priority, and takes at most `room` of each pool and priority: half of the places go to the nearest
    deadlines, the others by start tag.
    """
    rows: list[Any] = []
    for priority, pool in sorted((one, name) for name in set(pools) for one in _priorities(connection, name)):
        most = min(room(pool, priority), limit - len(rows))
        if most > 0:
            values = {"pool": pool, "priority": priority, "now": now, "most": most}
            fair = connection.execute(_FAIR, values).all()
            urgent = connection.execute(_URGENT, values | {"most": (most + 1) // 2}).all()
            rows += alternate(fair, urgent, most, urgent_first=urgent_first)
    found = {row.job_id: row for row in rows}
    _set_taken(connection, found, now + hold_s)
    return [
        Publication(job=job, base=found[job.id].base, token=found[job.id].token or "")
        for job in jobs_of(connection, rows, {})
    ]


def _priorities(connection: Connection, pool: str) -> Iterator[int]:
    """The priorities of ready jobs, with one index seek each."""
    above = -_UNBOUNDED
    while (found := connection.execute(_NEXT_PRIORITY, {"pool": pool, "above": above}).scalar()) is not None:
        above = int(found)
        yield above


def queued_counts(connection: Connection) -> dict[tuple[str, int], int]:
    """By pool and priority, the number of published jobs that no worker is known to have started."""
    return {(row[0], row[1]): int(row[2]) for row in connection.execute(_QUEUED)}


def confirm_running(connection: Connection, now: float) -> None:
    """Confirm unconfirmed publications of running jobs: their coordinator ended before it could."""
    query = update(outbox).where(outbox.c.sent.is_(None), outbox.c.job_id.in_(_RUNNING))
    connection.execute(query.values(sent=now))


def confirm(connection: Connection, published: Sequence[Publication], now: float) -> None:
    """Record that these were published; jobs that were enqueued again meanwhile stay to be published."""
    # In the order of ids, as every transaction locks.
    ordered = sorted(published, key=lambda each: each.job.id)
    if ordered:
        connection.execute(
            _CONFIRM, [{"the_job": each.job.id, "the_base": each.base, "sent": now} for each in ordered]
        )


def defer(connection: Connection, unpublished: Sequence[Publication], until: float) -> None:
    """Make these due again at `until`."""
    _set_taken(connection, [each.job.id for each in unpublished], until)


def _set_taken(connection: Connection, ids: Collection[str], until: float) -> None:
    for batch in batches(ids):
        connection.execute(_SET_TAKEN.values(taken=until), {"ids": batch})


def unpublishable_counts(connection: Connection, lane: Callable[[str, int], str | None]) -> dict[str, int]:
    """By pool, the number of jobs to publish that have no queue."""
    query = select(outbox.c.pool, outbox.c.priority, func.count()).where(outbox.c.sent.is_(None))
    found: dict[str, int] = {}
    for pool, priority, count in connection.execute(query.group_by(outbox.c.pool, outbox.c.priority)):
        if lane(pool, priority) is None:
            found[pool] = found.get(pool, 0) + int(count)
    return found


def missing(connection: Connection, *, before: float, limit: int) -> list[str]:
    """Jobs ready since `before` that have no row: submitted through a ledger that does not publish."""
    query: Any = (
        select(jobs.c.id)
        .select_from(jobs.outerjoin(outbox, outbox.c.job_id == jobs.c.id))
        .where(IS_READY, outbox.c.job_id.is_(None), jobs.c.ready_at <= before)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def ended(connection: Connection, *, limit: int) -> list[str]:
    """Jobs with a row that are neither ready nor running."""
    query = (
        select(outbox.c.job_id)
        .select_from(outbox.outerjoin(jobs, jobs.c.id == outbox.c.job_id))
        .where(or_(jobs.c.id.is_(None), not_(or_(IS_READY, IS_RUNNING))))
        .limit(limit)
    )
    return list(connection.execute(query).scalars())
