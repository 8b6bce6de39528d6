"""The time of the database's server: one for all who share a ledger, however wrong their machines' clocks.

By their own clocks a machine that is minutes ahead would take everybody's jobs away, again and again, and one
that is behind would lose its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from eddyline.core.clock import Clock, SystemClock

_ASK_EVERY_S = 300.0  # clocks drift by milliseconds in that time
_ASK_AGAIN_S = 5.0
_JUMP_S = 0.5  # the machine's clock was set, or the machine slept
_NOW = "SELECT extract(epoch FROM clock_timestamp())"


class ServerClock:
    """The machine's clock, set right by `ask`, which tells the server's time and raises while it is away.

    Asked again every few minutes, and whenever the machine's clock has jumped. Safe from any thread.
    """

    def __init__(self, ask: Callable[[], float], machine: Clock | None = None) -> None:
        self._ask = ask
        self._machine = machine or SystemClock()
        self._lock = threading.Lock()
        self._ahead = 0.0
        self._set_at: tuple[float, float] | None = None
        self._next_ask = 0.0

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC, by the server; by what is known of it, if it is away."""
        with self._lock:
            if time.monotonic() >= self._next_ask or self._has_jumped():
                self._set()
            return self._machine.now() + self._ahead

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._machine.sleep(seconds)

    def _has_jumped(self) -> bool:
        if self._set_at is None:
            return False
        wall, steady = self._set_at
        return abs((self._machine.now() - wall) - (time.monotonic() - steady)) > _JUMP_S

    def _set(self) -> None:
        before = self._machine.now()
        try:
            told = self._ask()
        except DBAPIError:
            self._next_ask = time.monotonic() + _ASK_AGAIN_S
            self._set_at = None
            return
        after = self._machine.now()
        self._ahead = told - (before + after) / 2
        self._set_at = (after, time.monotonic())
        self._next_ask = time.monotonic() + _ASK_EVERY_S


def clock_for(engine: Engine) -> Clock:
    """The clock by which a ledger's leases are kept: the machine's own where the ledger is a file."""
    if engine.dialect.name != "postgresql":
        return SystemClock()

    def ask() -> float:
        with engine.connect() as connection:
            asking = connection.execution_options(isolation_level="AUTOCOMMIT")
            return float(asking.exec_driver_sql(_NOW).scalar_one())

    return ServerClock(ask)
