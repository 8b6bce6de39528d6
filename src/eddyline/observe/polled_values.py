"""Something read again and again in a thread of its own: a scrape shows what was read last, at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from eddyline.core.background_loop import keep_running
from eddyline.core.clock import Clock, SystemClock
from eddyline.core.errors import EddylineError
from eddyline.core.stop import Stop

POLL_S = 10.0
"""How often is read; a scrape shows what was read last, and how old that is."""

_IDLE = 20  # times as long as a reading took, it rests after it

T = TypeVar("T")


class PolledValues(Generic[T]):
    """Reads every few seconds in a thread of its own; `latest` is what was read last.

    A place that is away makes the reading old (and `failures` grow), never a scrape slow. `read` is called
    with the time; `on_value` is told each reading, in that thread.
    """

    def __init__(
        self,
        read: Callable[[float], T],
        *,
        stop: Stop,
        clock: Clock | None = None,
        every_s: float = POLL_S,
        on_value: Callable[[T], None] | None = None,
    ) -> None:
        self._read = read
        self._stop = stop
        self.clock = clock or SystemClock()
        self._every_s = every_s
        self._on_reading = on_value
        self.latest: T | None = None
        self.failures = 0

    def start(self) -> threading.Thread:
        """Read until the stop is raised, in a thread that keeps nobody from ending."""
        thread = threading.Thread(target=self.run, name="readings", daemon=True)
        thread.start()
        return thread

    def run(self) -> None:
        """Read until the stop is raised."""
        while not self._stop.requested:
            began = time.monotonic()
            if not keep_running("readings", self._step):
                self.failures += 1
            # However much there is to count, that is a small part of what is done there.
            self._stop.wait(max(self._every_s, _IDLE * (time.monotonic() - began)))

    def _step(self) -> None:
        try:
            self.latest = self._read(self.clock.now())
        except EddylineError:
            self.failures += 1
        else:
            if self._on_reading is not None:
                self._on_reading(self.latest)
