"""Time as an argument, so that tests and the simulator control it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Reads and passes time."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        ...


class SystemClock:
    """The system clock."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        time.sleep(seconds)


class ManualClock:
    """A clock for tests that moves only by `advance` and `sleep`."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC, as last set."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Advance by `seconds`."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Advance by `seconds`, without waiting."""
        self._now += seconds
