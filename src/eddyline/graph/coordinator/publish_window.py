"""How far ahead of the workers jobs are published, by class and priority.

A queue gives out first what came first. So what waits there is as little as keeps the workers busy: all the
rest stays in the ledger, which knows whose turn it is and what has a deadline.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from eddyline.graph.messages import Publication

Lane: TypeAlias = tuple[str, int]
"""A class and a priority."""

LEAST = 16
_MOST = 5000
_REST_S = 2.0


@dataclass(kw_only=True)
class PublishWindow:
    """At most `size` published jobs may wait; twice as many where they are taken between two looks."""

    size: int = LEAST
    waiting: int = 0
    full: bool = False
    changed: float = field(default_factory=time.monotonic)

    def see(self, waiting: int) -> None:
        """So many wait now."""
        self.waiting = waiting
        now = time.monotonic()
        if self.full and waiting * 4 <= self.size:
            self.size, self.changed = min(self.size * 2, _MOST), now
        elif now - self.changed >= _REST_S and (not self.full or waiting * 2 >= self.size):
            self.size, self.changed = max(self.size // 2, LEAST), now

    def fill(self, count: int) -> None:
        """So many more were taken to be published: as many as there were, or as there was room for."""
        self.waiting += count
        self.full = self.waiting >= self.size


class PublishWindows:
    """One for each class and priority of which something was ever published here. For one thread."""

    def __init__(self) -> None:
        self._windows: dict[Lane, PublishWindow] = {}

    def see(self, waiting: Mapping[Lane, int]) -> None:
        """How many published jobs wait for a worker."""
        for lane, window in self._windows.items():
            window.see(waiting.get(lane, 0))

    def room(self, pool: str, priority: int) -> int:
        """How many more may be published."""
        window = self._windows.setdefault((pool, priority), PublishWindow())
        return max(window.size - window.waiting, 0)

    def fill(self, offers: Iterable[Publication]) -> None:
        """These are about to be published, all that there was room for."""
        taken = [(offer.job.pool, offer.job.priority) for offer in offers]
        for lane, window in self._windows.items():
            window.fill(taken.count(lane))
