"""The time of the database server: one clock for all processes that share a ledger.

By their own clocks, a machine that is minutes ahead would expire the leases of all others, again and again,
and one that is behind would lose its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from eddyline.core.clock import Clock, SystemClock

_QUERY_INTERVAL_S = 300.0  # clocks drift by milliseconds in that time
_RETRY_S = 5.0
_JUMP_S = 0.5  # the machine's clock was set, or the machine was suspended
_NOW = "SELECT extract(epoch FROM clock_timestamp())"


class ServerClock:
    """The machine's clock, corrected by `query`, which returns the server's time or raises.

    Queries every few minutes, and whenever the machine's clock has jumped relative to `monotonic`. Safe from
    any thread.
    """

    def __init__(
        self,
        query: Callable[[], float],
        machine: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._query = query
        self._machine = machine or SystemClock()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._offset = 0.0
        self._set_at: tuple[float, float] | None = None
        self._next_query = 0.0

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC by the server; by the last known offset if it is unavailable."""
        with self._lock:
            if self._monotonic() >= self._next_query or self._has_jumped():
                self._synchronize()
            return self._machine.now() + self._offset

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._machine.sleep(seconds)

    def _has_jumped(self) -> bool:
        if self._set_at is None:
            return False
        wall, monotonic = self._set_at
        return abs((self._machine.now() - wall) - (self._monotonic() - monotonic)) > _JUMP_S

    def _synchronize(self) -> None:
        before = self._machine.now()
        try:
            server = self._query()
        except DBAPIError:
            self._next_query = self._monotonic() + _RETRY_S
            self._set_at = None
            return
        after = self._machine.now()
        self._offset = server - (before + after) / 2
        self._set_at = (after, self._monotonic())
        self._next_query = self._monotonic() + _QUERY_INTERVAL_S


def clock_for(engine: Engine) -> Clock:
    """The clock of a ledger's leases: the database server's, or the machine's where the ledger is a file."""
    if engine.dialect.name != "postgresql":
        return SystemClock()

    def query() -> float:
        with engine.connect() as connection:
            autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
            return float(autocommit.exec_driver_sql(_NOW).scalar_one())

    return ServerClock(query)
