"""The transactions of a ledger: its database, its clock, and who is notified of a change."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from eddyline.core.clock import Clock
from eddyline.graph.db.notify import Notifier
from eddyline.graph.db.transactions import Database
from eddyline.graph.ledger.outbox import ready_jobs
from eddyline.graph.ledger.outbox.ready_jobs import OnReady

T = TypeVar("T")


class Transactions:
    """Runs transactions and notifies listeners of changes. Safe from any thread.

    `on_ready(connection, ids)` is called in every transaction of `write` that leaves jobs ready, before the
    commit. Transactions of `database` itself skip that: they make no job ready, or publish it themselves.
    """

    def __init__(
        self, database: Database, *, clock: Clock, rng: random.Random, on_ready: OnReady | None = None
    ) -> None:
        self.database = database
        self.clock = clock
        self.rng = rng
        self._on_ready = on_ready
        self._listeners: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._notifier = Notifier(database.engine, self.changed)

    @property
    def publishes(self) -> bool:
        """Whether jobs that become ready are published to queues, through the outbox."""
        return self._on_ready is not None

    def close(self) -> None:
        """Close all connections."""
        self._notifier.close()
        self.database.close()

    def write(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """Run `work` in a write transaction that ends with `on_ready`; notifies other processes.

        A transaction that is not `durable` may be lost in a power failure.
        """
        on_ready = self._on_ready
        if on_ready is None and self.database.is_sqlite:
            return self.database.write(work, durable=durable)

        def tracked(connection: Connection) -> tuple[T, bool]:
            ready_jobs.start_tracking(connection)
            found = work(connection)
            ready = ready_jobs.stop_tracking(connection)
            if ready and on_ready is not None:
                on_ready(connection, ready)
            return found, bool(ready)

        found, some_ready = self.database.write(tracked, durable=durable)
        if some_ready:
            self.notify_processes()
        return found

    def notify_processes(self) -> None:
        """Notify other processes, where the database can."""
        self._notifier.notify()

    def changed(self) -> None:
        """Call all listeners of this process."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change; returns the function that ends the subscription."""
        self._notifier.listen()
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe
