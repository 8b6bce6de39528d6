"""Waking the workers of other processes, on PostgreSQL: a notification once something is there to be done.

Sent after the commit, by itself and not too often: sent within, it would make commits wait for each other.
It may get lost, and then the workers' own polling finds the work a little later.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

_CHANNEL = "eddyline"
_RING_PAUSE_S = 0.02  # between two rings of one process
_HEAR_PAUSE_S = 0.01  # between two wakings of one process
_TURN_S = 0.5  # how soon an end is noticed
_RETRY_S = 1.0


class Notifier:
    """Rings for others, and calls `heard` when another has rung. Silent on SQLite."""

    def __init__(self, engine: Engine, heard: Callable[[], None]) -> None:
        self._engine = engine
        self._heard = heard
        self._name = uuid.uuid4().hex  # so as not to hear itself
        self._toll = f"SET LOCAL synchronous_commit = off; NOTIFY {_CHANNEL}, '{self._name}'"
        self._able = engine.dialect.name == "postgresql"
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._next_ring = 0.0

    def ring(self) -> None:
        """Wake the others; never fails, and does nothing if it has only just been done."""
        now = time.monotonic()
        if not self._able or now < self._next_ring:
            return
        self._next_ring = now + _RING_PAUSE_S
        try:
            with self._engine.connect() as connection:
                # One request, and none waits for the disk: while one commits, all others that ring wait.
                connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(self._toll)
        except DBAPIError:
            return  # they will look by themselves

    def listen(self) -> None:
        """Begin to hear, in a thread of its own, until `close`."""
        with self._lock:
            if self._able and self._thread is None and not self._over.is_set():
                self._thread = threading.Thread(target=self._run, name="ledger-bell", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Hear no more."""
        self._over.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._hear()
            except (DBAPIError, self._engine.dialect.loaded_dbapi.Error):
                self._over.wait(_RETRY_S)

    def _hear(self) -> None:
        # Of the engine's kind, but none of its pool: it listens for ever.
        raw = self._engine.raw_connection()
        driver: Any = raw.driver_connection
        raw.detach()
        try:
            driver.autocommit = True
            driver.execute(f"LISTEN {_CHANNEL}")
            while not self._over.is_set():
                rung = list(driver.notifies(timeout=_TURN_S, stop_after=1))
                if any(notice.payload != self._name for notice in rung):
                    self._heard()
                    self._over.wait(_HEAR_PAUSE_S)
        finally:
            driver.close()
