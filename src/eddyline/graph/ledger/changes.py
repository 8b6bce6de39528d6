"""How a ledger is changed, and who is told: inside the transaction, in this process, in others."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection

from eddyline.core.clock import Clock
from eddyline.graph.db.notify import Notifier
from eddyline.graph.db.transactions import Database
from eddyline.graph.ledger import ready_jobs
from eddyline.graph.ledger.inquiries import Inquiries
from eddyline.graph.ledger.ready_jobs import OnReady
from eddyline.graph.retry import RetryPolicy

T = TypeVar("T")


class Changes(Inquiries):
    """What every change of a ledger has in common."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        rng: random.Random,
        policy: RetryPolicy,
        poison_after: int,
        on_ready: OnReady | None = None,
    ) -> None:
        super().__init__(database, clock)
        self._rng = rng
        self._policy = policy
        self._poison_after = poison_after
        self._on_ready = on_ready
        self._listeners: list[Callable[[], None]] = []
        self._listeners_lock = threading.Lock()
        self._bell = Notifier(database.engine, self._changed)

    def close(self) -> None:
        """Give all connections back."""
        self._bell.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change made through this object; returns how to end that.

        On PostgreSQL also soon after others made something ready or cancelled it, in whatever process.
        """
        self._bell.listen()
        with self._listeners_lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._listeners_lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def _changed(self) -> None:
        with self._listeners_lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def _write(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """A write transaction, with `on_ready` told before its end."""
        on_ready = self._on_ready
        if on_ready is None and self._database.is_sqlite:
            return self._database.write(work, durable=durable)

        def tell_too(connection: Connection) -> tuple[T, bool]:
            ready_jobs.begin(connection)
            found = work(connection)
            ready = ready_jobs.end(connection)
            if ready and on_ready is not None:
                on_ready(connection, ready)
            return found, bool(ready)

        found, some_ready = self._database.write(tell_too, durable=durable)
        if some_ready:
            self._bell.ring()
        return found
