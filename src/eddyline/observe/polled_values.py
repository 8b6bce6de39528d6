"""A value that a thread reads periodically, so that a scrape shows the last reading without delay."""

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
"""Seconds between two readings."""

_IDLE = 20  # the pause after a reading is at least so many times as long as the reading

T = TypeVar("T")


class PolledValues(Generic[T]):
    """Reads a value every few seconds in a thread; `latest` is the last reading.

    If the source is unavailable, the reading ages and `failures` grows, but scrapes stay fast. `read` gets
    the time; `on_value` gets each reading, in that thread.
    """

    def __init__(
        self,
        read: Callable[[float], T],
        *,
        stop: Stop,
        clock: Clock | None = None,
        every_s: float = POLL_S,
        on_value: Callable[[T], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._stop = stop
        self.clock = clock or SystemClock()
        self._every_s = every_s
        self._on_value = on_value
        self._monotonic = monotonic
        self.latest: T | None = None
        self.failures = 0

    def start(self) -> threading.Thread:
        """Run in a daemon thread."""
        thread = threading.Thread(target=self.run, name="readings", daemon=True)
        thread.start()
        return thread

    def run(self) -> None:
        """Read until a stop is requested."""
        while not self._stop.requested:
            started = self._monotonic()
            if not keep_running("readings", self._step):
                self.failures += 1
            # However long a reading takes, it is a small share of the load on its source.
            self._stop.wait(max(self._every_s, _IDLE * (self._monotonic() - started)))

    def _step(self) -> None:
        try:
            self.latest = self._read(self.clock.now())
        except EddylineError:
            self.failures += 1
        else:
            if self._on_value is not None:
                self._on_value(self.latest)
