"""Removes old events of assets; one of several servers does it at a time."""

from __future__ import annotations

from eddyline.graph.ledger import periodic_tasks
from eddyline.graph.ledger.ledger import Ledger

EVERY_S = 600.0
"""Seconds between two removals, by any server."""

_TASK = "event-pruning"


def prune_events(ledger: Ledger) -> int:
    """Remove old events, if no other server has done it in the last `EVERY_S`; returns how many."""
    now = ledger.now()
    # Less than the pause between two rounds of this server, so that it does not skip every other one.
    every_s = EVERY_S * 0.9
    if not ledger.write(lambda c: periodic_tasks.take(c, _TASK, every_s=every_s, now=now)):
        return 0
    return ledger.events.prune()
