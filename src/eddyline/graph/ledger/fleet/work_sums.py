"""How much time the starts of jobs took, and how much of it did not count."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, case, func, select

from eddyline.graph.db.schema import starts
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.fleet.machine_rows import raw_rows

_LOST = (StartOutcome.INTERRUPTED.value, StartOutcome.LOST.value)


class WorkSums(NamedTuple):
    """Slot-seconds of starts: of those that count (done or failed), and of those that were done again."""

    counted_s: float
    redone_s: float


def sum_work(connection: Connection, start: float, stop: float, *, pool: str = "") -> WorkSums:
    """The sums of the starts that ended from `start` to before `stop`, of one pool or of all."""
    length = starts.c.ended - starts.c.started
    lost = starts.c.outcome.in_(_LOST)
    query = select(
        func.coalesce(func.sum(case((lost, 0.0), else_=length)), 0.0),
        func.coalesce(func.sum(case((lost, length), else_=0.0)), 0.0),
    ).where(starts.c.ended >= start, starts.c.ended < stop)
    if pool:
        query = query.where(starts.c.pool == pool)
    ((counted_s, redone_s),) = raw_rows(connection, query)
    return WorkSums(float(counted_s), float(redone_s))
