"""A fair share of the queue for every owner: whose job is next, within a class and a priority.

Start-time fair queueing. A job's turn is where its owner's previous ready job ends, that job's weight after
its own turn; but no earlier than the least turn in the queue, so that idle time earns no credit. Claims go by
turn: each owner gets as much weight as any other, however many jobs it has, and in its own order. All is
read from the ready jobs themselves, two index seeks an owner: there is no row that everyone must update. So
transactions at the same moment do not see each other, and may give one owner the same turn twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from eddyline.graph.db import fast_sql

_LEAST_WEIGHT = 0.001

_FRONT_AND_LAST = """
SELECT (SELECT start_tag FROM jobs WHERE state = 'ready' AND pool = {pool} AND priority = {priority}
        AND ready_at <= {now} ORDER BY start_tag LIMIT 1),
       (SELECT start_tag + CASE WHEN weight > {least} THEN weight ELSE {least} END
        FROM jobs WHERE state = 'ready' AND pool = {pool} AND priority = {priority} AND owner = {owner}
        ORDER BY start_tag DESC LIMIT 1)
"""
_NAMES = ("pool", "priority", "now", "owner", "least")
_QUERY = {
    "sqlite": _FRONT_AND_LAST.format(**{name: f":{name}" for name in _NAMES}),
    "postgresql": _FRONT_AND_LAST.format(**{name: f"%({name})s" for name in _NAMES}),
}


class FairQueuePosition(Protocol):
    """What becomes ready: `start_tag` is None for who must queue, or the turn it had when it was claimed."""

    start_tag: float | None

    @property
    def pool(self) -> str:
        """The class of workers."""
        ...

    @property
    def priority(self) -> int:
        """Lower first."""
        ...

    @property
    def owner(self) -> str:
        """Whose share it is."""
        ...

    @property
    def weight(self) -> float:
        """Its relative cost."""
        ...

    @property
    def ready_at(self) -> float | None:
        """When it may be claimed."""
        ...


def assign(connection: Connection, seats: Sequence[FairQueuePosition]) -> None:
    """Give turns to jobs that become ready, in this order; they are not yet written as ready.

    One that was claimed before has paid for its turn: it goes to the front.
    """
    queues: defaultdict[tuple[str, int, str], list[FairQueuePosition]] = defaultdict(list)
    for seat in seats:
        queues[seat.pool, seat.priority, seat.owner].append(seat)
    query = _QUERY[connection.dialect.name]
    for (pool, priority, owner), mine in queues.items():
        now = min(seat.ready_at or 0.0 for seat in mine)
        asked = {"pool": pool, "priority": priority, "owner": owner, "now": now, "least": _LEAST_WEIGHT}
        ((front, last),) = fast_sql.fetch(connection, query, asked)
        if front is None:
            front = min((seat.start_tag for seat in mine if seat.start_tag is not None), default=0.0)
        following = front if last is None else max(front, last)
        for seat in mine:
            if seat.start_tag is None:
                seat.start_tag = following
                following += max(_LEAST_WEIGHT, seat.weight)
            else:
                seat.start_tag = front
