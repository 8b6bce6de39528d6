"""Wakes the workers of other processes, on PostgreSQL: a NOTIFY when a job is ready or cancelled.

It is sent after the commit, in its own transaction, and rate-limited: sent within the transaction, it would
make commits wait for each other. A notification may get lost; then polling finds the job a little later.
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
_SEND_PAUSE_S = 0.02  # between two notifications of one process
_RECEIVE_PAUSE_S = 0.01  # between two calls of `on_notification`
_POLL_S = 0.5  # how soon `close` is noticed
_RETRY_S = 1.0


class Notifier:
    """Sends notifications, and calls `on_notification` for those of others. Does nothing on SQLite."""

    def __init__(
        self,
        engine: Engine,
        on_notification: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._on_notification = on_notification
        self._clock = clock
        self._name = uuid.uuid4().hex  # to ignore its own notifications
        self._statement = f"SET LOCAL synchronous_commit = off; NOTIFY {_CHANNEL}, '{self._name}'"
        self._is_supported = engine.dialect.name == "postgresql"
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._next_send = 0.0

    def notify(self) -> None:
        """Notify other processes; never fails, and does nothing if it was called just before."""
        now = self._clock()
        if not self._is_supported or now < self._next_send:
            return
        self._next_send = now + _SEND_PAUSE_S
        try:
            with self._engine.connect() as connection:
                # One request that does not wait for the disk: while one commits, all other senders wait.
                connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(self._statement)
        except DBAPIError:
            return  # the others poll

    def listen(self) -> None:
        """Start to receive notifications, in a thread, until `close`."""
        with self._lock:
            if self._is_supported and self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="ledger-notify", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop to receive notifications."""
        self._closed.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._receive()
            except (DBAPIError, self._engine.dialect.loaded_dbapi.Error):
                self._closed.wait(_RETRY_S)

    def _receive(self) -> None:
        # A connection of the engine, but not of its pool: it is used until the end.
        raw = self._engine.raw_connection()
        driver: Any = raw.driver_connection
        raw.detach()
        try:
            driver.autocommit = True
            driver.execute(f"LISTEN {_CHANNEL}")
            while not self._closed.is_set():
                received = list(driver.notifies(timeout=_POLL_S, stop_after=1))
                if any(notification.payload != self._name for notification in received):
                    self._on_notification()
                    self._closed.wait(_RECEIVE_PAUSE_S)
        finally:
            driver.close()
