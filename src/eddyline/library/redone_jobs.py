"""Which jobs of an asset had to run again, from the history of their starts."""

from __future__ import annotations

from sqlalchemy import select

from eddyline.graph.db.schema import starts
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.starts import Start

MOST = 1000
"""The greatest number of starts that are listed: the last ones."""


def find_redone(ledger: Ledger, asset: str) -> list[Start]:
    """The lost and the interrupted starts of an asset's jobs, in the order in which they ended."""
    query = (
        select(starts)
        # The ids of its jobs begin with its id and a dot, which this range of the primary key holds.
        .where(starts.c.job_id > f"{asset}.", starts.c.job_id < f"{asset}/")
        .where(starts.c.outcome.in_((StartOutcome.LOST, StartOutcome.INTERRUPTED)))
        .order_by(starts.c.ended.desc())
        .limit(MOST)
    )
    rows = ledger.read(lambda connection: connection.execute(query).mappings().all())
    found = [Start(**{**row, "outcome": StartOutcome(row["outcome"])}) for row in rows]
    return sorted(found, key=lambda each: (each.ended, each.job_id))
