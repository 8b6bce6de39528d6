"""Removes old events of assets in the background of a server; one of several servers does it at a time."""

from __future__ import annotations

import logging
import threading

from eddyline.core.background_loop import keep_running
from eddyline.core.errors import EddylineError
from eddyline.graph.ledger import periodic_tasks
from eddyline.graph.ledger.ledger import Ledger

EVERY_S = 600.0
"""Seconds between two removals, by any server."""

_TASK = "event-pruning"
_JOIN_S = 0.3
_LOG = logging.getLogger("eddyline.events")


class EventPruner:
    """Runs in a thread between `start` and `close`. A removal that is cut off continues with the next one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event pruning", daemon=True)

    def start(self) -> None:
        """Start the thread; the first removal is due at once."""
        self._thread.start()

    def close(self) -> None:
        """End the thread; waits at most 0.3 s for a removal in progress. Idempotent."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def run_once(self) -> int:
        """Remove old events, if no other server has done it in the last `EVERY_S`; returns how many."""
        now = self._ledger.now()
        # Less than the pause between two rounds of this server, so that it does not skip every other one.
        every_s = EVERY_S * 0.9
        if not self._ledger.write(lambda c: periodic_tasks.take(c, _TASK, every_s=every_s, now=now)):
            return 0
        return self._ledger.events.prune()

    def _run(self) -> None:
        while not self._closed.is_set():
            keep_running("event pruning", self._round)
            self._closed.wait(EVERY_S)

    def _round(self) -> None:
        try:
            self.run_once()
        except EddylineError as error:
            _LOG.warning("removal of old events failed", extra={"error": str(error)})
