"""Keeps the machines of the fleet record in memory, and reads only what changed since the last request.

Rows of the record change only when an event about the instance is stored, so the events that were received
since the last reading name all rows that changed.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection

from eddyline.core.errors import UsageError
from eddyline.fleet.dashboard.machines import Machines, Vocabularies, machines_of
from eddyline.graph.ledger.fleet import machine_rows
from eddyline.graph.ledger.fleet.machine_rows import MachineRow
from eddyline.graph.ledger.ledger import Ledger

MAX_MACHINES = 1_000_000
_OVERLAP_S = 120.0  # a transaction may commit that long after the time that it stores
_RELOAD_S = 3600.0  # so that machines that were deleted from the record disappear


class MachineCache:
    """The machines of one ledger. Safe from any thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._loaded_at = -math.inf
        self._clear()

    def _clear(self) -> None:
        self._machines = machines_of((), Vocabularies.empty())
        self._places: dict[str, int] = {}
        self._since = math.inf
        self._read_at = 0.0
        self._last: dict[str, MachineRow] = {}

    def read(self, start: float) -> Machines:
        """All machines that may have run at or after `start`, and perhaps earlier ones. Do not change them.

        Raises `UsageError` if they are more than a million.
        """
        with self._lock:
            now = self._ledger.now()
            if not 0 <= now - self._loaded_at < _RELOAD_S:
                self._clear()
                self._loaded_at = now
            rows = self._ledger.read(lambda connection: self._changes(connection, start))
            self._read_at = now
            self._since = min(self._since, start)
            # Recent events are read again and again: an equal row must not make a new object of all machines.
            self._merge([row for row in rows if self._last.get(row[0]) != row])
            self._last = {row[0]: row for row in rows}
            return self._machines

    def _changes(self, connection: Connection, start: float) -> Sequence[MachineRow]:
        if self._since == math.inf:
            return machine_rows.since(connection, start, limit=MAX_MACHINES + 1)
        rows = machine_rows.with_events_since(connection, self._read_at - _OVERLAP_S)
        if start < self._since:
            older = machine_rows.ended_between(connection, start, self._since, limit=MAX_MACHINES + 1)
            names = {row[0] for row in rows}
            rows = [*rows, *(row for row in older if row[0] not in names)]
        return rows

    def _merge(self, rows: Sequence[MachineRow]) -> None:
        if not rows:
            return
        if len(self._places) + len(rows) > MAX_MACHINES:
            self._clear()
            raise UsageError(
                f"more than {MAX_MACHINES:,} machines ran in this time", remedy="choose a shorter time"
            )
        fresh = machines_of(rows, self._machines.words)
        places = np.fromiter((self._places.get(row[0], -1) for row in rows), np.int64, len(rows))
        known = places >= 0
        if known.any():
            self._machines = self._machines.updated(places[known], fresh.where(known))
        if not known.all():
            new = fresh.where(~known)
            first = len(self._machines)
            self._machines = self._machines.joined(new)
            self._places.update({name: first + number for number, name in enumerate(new.name)})
