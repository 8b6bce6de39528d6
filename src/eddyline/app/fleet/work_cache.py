"""Keeps in memory what ran on interrupted instances: it does not change any more soon after their end."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping

from eddyline.graph.ledger.fleet import interrupted_work
from eddyline.graph.ledger.fleet.interrupted_work import InterruptedWork
from eddyline.graph.ledger.ledger import Ledger

_SETTLED_S = 3600.0  # later, leases have expired and late events have arrived
_RELOAD_S = 3600.0


class WorkCache:
    """The work of the interrupted instances of one ledger. Safe from any thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._work: dict[str, InterruptedWork] = {}
        self._since = self._until = math.inf
        self._loaded_at = -math.inf

    def read(self, start: float) -> Mapping[str, InterruptedWork]:
        """The work by instance, of those that ended at or after `start`, and perhaps of earlier ones."""
        with self._lock:
            now = self._ledger.now()
            if not 0 <= now - self._loaded_at < _RELOAD_S:
                self._work, self._since, self._until = {}, math.inf, math.inf
                self._loaded_at = now
            ranges = [(self._until - _SETTLED_S, math.inf), (start, self._since)]
            if self._since == math.inf:
                ranges = [(start, math.inf)]
            found = self._ledger.read(
                lambda connection: [
                    interrupted_work.of_interrupted_instances(connection, begin, min(end, now + 1))
                    for begin, end in ranges
                    if begin < end
                ]
            )
            self._work = self._work | {name: work for each in found for name, work in each.items()}
            self._since = min(self._since, start)
            self._until = now
            return self._work
