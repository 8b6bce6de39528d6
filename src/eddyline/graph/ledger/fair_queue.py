"""A fair share of the queue for every owner: the order of jobs within a pool and a priority.

Start-time fair queueing. A job's start tag is where its owner's previous ready job ends: that job's start tag
plus its weight; but at least the smallest start tag in the queue, so that idle time earns no credit. Claims
go by start tag: all owners get the same weight, however many jobs they have, each in its own order.
Everything is read from the ready jobs themselves, with two index seeks per owner: no row exists that every
transaction must update. So concurrent transactions do not see each other, and may assign one start tag of an
owner twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Protocol

from sqlalchemy import Connection

from eddyline.graph.db import fast_sql

_MIN_WEIGHT = 0.001

_FRONT_AND_NEXT = """
SELECT (SELECT start_tag FROM jobs WHERE state = 'ready' AND pool = {pool} AND priority = {priority}
        AND ready_at <= {now} ORDER BY start_tag LIMIT 1),
       (SELECT start_tag + CASE WHEN weight > {least} THEN weight ELSE {least} END
        FROM jobs WHERE state = 'ready' AND pool = {pool} AND priority = {priority} AND owner = {owner}
        ORDER BY start_tag DESC LIMIT 1)
"""
_NAMES = ("pool", "priority", "now", "owner", "least")
_QUERY = {
    "sqlite": _FRONT_AND_NEXT.format(**{name: f":{name}" for name in _NAMES}),
    "postgresql": _FRONT_AND_NEXT.format(**{name: f"%({name})s" for name in _NAMES}),
}


class QueuedJob(Protocol):
    """A job that becomes ready: `start_tag` is None for a new job, or the tag that it had when claimed."""

    start_tag: float | None

    @property
    def pool(self) -> str:
        """The pool of workers."""
        ...

    @property
    def priority(self) -> int:
        """Lower goes first."""
        ...

    @property
    def owner(self) -> str:
        """The owner whose share it uses."""
        ...

    @property
    def weight(self) -> float:
        """Its relative cost."""
        ...

    @property
    def ready_at(self) -> float | None:
        """When it may be claimed."""
        ...


def assign_start_tags(connection: Connection, queued: Sequence[QueuedJob]) -> None:
    """Set the start tags of jobs that become ready, in this order, before they are written as ready.

    A job that was claimed before has used its share already: it goes to the front.
    """
    queues: defaultdict[tuple[str, int, str], list[QueuedJob]] = defaultdict(list)
    for job in queued:
        queues[job.pool, job.priority, job.owner].append(job)
    query = _QUERY[connection.dialect.name]
    for (pool, priority, owner), own in queues.items():
        now = min(job.ready_at or 0.0 for job in own)
        values = {"pool": pool, "priority": priority, "owner": owner, "now": now, "least": _MIN_WEIGHT}
        ((front, after_last),) = fast_sql.fetch(connection, query, values)
        if front is None:
            front = min((job.start_tag for job in own if job.start_tag is not None), default=0.0)
        following = front if after_last is None else max(front, after_last)
        for job in own:
            if job.start_tag is None:
                job.start_tag = following
                following += max(_MIN_WEIGHT, job.weight)
            else:
                job.start_tag = front


def alternate(fair: Sequence[Any], urgent: Sequence[Any], limit: int, *, urgent_first: bool) -> list[Any]:
    """Up to `limit` rows, by priority, alternating between the two sorted lists, each row once."""
    if not urgent:
        return list(fair[:limit])
    chosen: dict[str, Any] = {}
    for priority in sorted({row.priority for row in (*fair, *urgent)}):
        queues = [[row for row in rows if row.priority == priority] for rows in (fair, urgent)]
        queues = queues[::-1] if urgent_first else queues
        for pair in zip_longest(*queues):
            for row in pair:
                if row is not None and len(chosen) < limit:
                    chosen.setdefault(row.job_id, row)
    return list(chosen.values())
