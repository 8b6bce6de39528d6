"""Limits how many jobs are published in advance, by pool and priority.

A queue delivers messages roughly in the order of sending. So only as many jobs are published as keep the
workers busy; the others stay in the ledger, which knows the fair order and the deadlines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from eddyline.graph.messages import Publication

Lane: TypeAlias = tuple[str, int]
"""A pool and a priority."""

MIN_SIZE = 16
_MAX_SIZE = 5000
_SUPPLY_S = 0.5
_SHRINK_AFTER_S = 2.0


class PublishWindow:
    """At most `size` published jobs may wait. `now` is in monotonic seconds.

    The size doubles when workers have taken most of a full window within half a second, or a quarter so fast
    that the whole would not last so long: what they took is known only when their reports arrive, and a
    smaller window is empty by then. It halves when, for two seconds, they have taken few or the window was
    not full.
    """

    def __init__(self, now: float, size: int = MIN_SIZE) -> None:
        self.size = size
        self.waiting = 0
        self._is_full = False
        self._changed = now
        self._taken = 0  # since `_taken_since`, out of a full window
        self._taken_since = now

    def update(self, waiting: int, now: float) -> None:
        """Set the number of published jobs that wait for a worker."""
        elapsed_s = now - self._taken_since
        self._taken = self._taken + max(self.waiting - waiting, 0) if self._is_full else 0
        self.waiting = waiting
        is_short = self._taken * 4 >= self.size and self._taken * _SUPPLY_S > self.size * elapsed_s
        if is_short or self._taken * 4 >= self.size * 3:
            self.size, self._changed = min(self.size * 2, _MAX_SIZE), now
            self._taken, self._taken_since = 0, now
        elif now - self._changed >= _SHRINK_AFTER_S and (not self._is_full or waiting * 2 >= self.size):
            self.size, self._changed = max(self.size // 2, MIN_SIZE), now
        if not self._is_full or elapsed_s >= _SUPPLY_S:
            self._taken, self._taken_since = 0, now

    def fill(self, count: int) -> None:
        """Add jobs about to be published: as many as there were, or as fit."""
        self.waiting += count
        self._is_full = self.waiting >= self.size


class PublishWindows:
    """A window for each pool and priority. For one thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._windows: dict[Lane, PublishWindow] = {}

    def update(self, waiting: Mapping[Lane, int]) -> None:
        """Set the numbers of published jobs that wait for a worker."""
        now = self._monotonic()
        for lane, window in self._windows.items():
            window.update(waiting.get(lane, 0), now)

    def room(self, pool: str, priority: int) -> int:
        """How many more jobs may be published."""
        window = self._windows.setdefault((pool, priority), PublishWindow(self._monotonic()))
        return max(window.size - window.waiting, 0)

    def fill(self, publications: Iterable[Publication]) -> None:
        """Add the publications about to be sent: all that there was room for."""
        taken = [(each.job.pool, each.job.priority) for each in publications]
        for lane, window in self._windows.items():
            window.fill(taken.count(lane))
