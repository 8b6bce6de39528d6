"""Transactions on the database: one writer, many readers, retried on conflicts and lost connections."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import TransientError, UsageError
from eddyline.core.outages import OutageLog
from eddyline.graph.db import fast_sql, migrations
from eddyline.graph.db.engine import WRITER, as_url, engine_for, is_refused, is_unavailable, may_succeed_later

__all__ = ["Database", "LedgerError", "RefusedError", "as_url", "commit_was_lost"]

T = TypeVar("T")

_TIMEOUT_S = 60.0
_OPENING_TIMEOUT_S = 10.0  # an operator may be waiting, and may have mistyped the server's name
_MAX_COLLISIONS = 5  # with others that submit the same ids at the same time
_BUSY_BACKOFF = BackoffPolicy(base_s=0.001, cap_s=0.05, jitter=1.0)  # while another process writes
_UNAVAILABLE_BACKOFF = BackoffPolicy(base_s=0.001, cap_s=1.0, jitter=1.0)  # while the server is unavailable
_COMMIT_LOST = "eddyline_commit_lost"


class LedgerError(TransientError):
    """The ledger cannot be read or written."""

    default_remedy = (
        "check that the disk has free space and that the ledger's file or server is reachable, then try again"
    )


class RefusedError(UsageError):
    """The ledger's database refuses these values, and will refuse them again."""

    default_remedy = "report it: this is a bug; nothing was written"


def commit_was_lost(connection: Connection) -> bool:
    """Whether this transaction ran before and the server was lost at its commit: it may be committed."""
    return bool(connection.info.get(_COMMIT_LOST))


class Database:
    """Transactions on a ledger's database. Safe from any thread; not across a fork.

    An unavailable server is retried with backoff, for 10 s when opening and for a minute later. `clock` is
    monotonic, in seconds.
    """

    def __init__(self, url: str, rng: random.Random, clock: Callable[[], float] = time.monotonic) -> None:
        self.engine = engine_for(url)
        self._outages = OutageLog("ledger")
        # By default each statement would see its own state of the database.
        self._readers = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(isolation_level="REPEATABLE READ")
        )
        self._rng = rng
        self._clock = clock
        self._lock = threading.Lock()
        self._writer: Connection | None = None
        self._durable = True
        self.commits = 0
        """The number of write transactions that this object has committed."""
        self._timeout_s = _OPENING_TIMEOUT_S
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        self._timeout_s = _TIMEOUT_S

    def _open(self) -> None:
        """Upgrade the schema if it is not the newest; only then the writer's connection is used."""
        found = self.read(migrations.revision_of)
        if found == migrations.HEAD:
            return
        if found is not None and not migrations.is_older(found):
            raise LedgerError(
                f"the ledger has schema revision {found}, this program knows {migrations.HEAD}",
                remedy="use the version of eddyline that wrote it, or another directory",
            )
        self.write(migrations.upgrade)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file of this machine."""
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            self._drop_writer()
        self.engine.dispose()

    def write(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """Run `work` in a write transaction; again on conflicts with other writers and if the server is lost.

        A `durable` transaction survives a power failure once this returns; another one may be lost, but never
        in part. `work` must have no other effect than its statements. If the server was lost at the commit,
        `commit_was_lost` is true in the next run.
        """
        lost = False

        def once() -> T:
            nonlocal lost
            with self._lock:
                writer = self._ready_writer(durable=durable)
                writer.info[_COMMIT_LOST] = lost
                transaction = writer.begin()
                finished = False
                try:
                    found = work(writer)
                    finished = True
                    transaction.commit()
                    self.commits += 1
                except BaseException as error:
                    gone = isinstance(error, DBAPIError) and error.connection_invalidated
                    lost = lost or (gone and finished)
                    if gone or writer.invalidated:
                        self._drop_writer()
                    else:
                        transaction.rollback()
                    raise
                return found

        return self._retry(once)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one consistent view of the database; again if the server is lost."""

        def once() -> T:
            with self._readers.begin() as connection:
                return work(connection)

        return self._retry(once)

    def compact(self) -> None:
        """Return unused space to the file system, or to the server."""
        statement = "VACUUM" if self.is_sqlite else "VACUUM (ANALYZE) jobs, dependencies"

        def once() -> None:
            # Not in a transaction, and so not on the writer's connection.
            raw = self.engine.raw_connection()
            try:
                inner: Any = raw.driver_connection
                if not self.is_sqlite:
                    inner.autocommit = True
                    inner.execute("SET statement_timeout = 0")
                inner.execute(statement).close()
            except self.engine.dialect.loaded_dbapi.Error as error:
                raise fast_sql.failure(self.engine.dialect, statement, error) from error
            finally:
                raw.invalidate()
                raw.close()

        self._retry(once)

    def _ready_writer(self, *, durable: bool) -> Connection:
        if self._writer is None:
            self._writer = self._new_writer()
            self._durable = True
        if self.is_sqlite and durable is not self._durable:
            # Must run outside a transaction; SQLAlchemy would begin one.
            raw: Any = self._writer.connection.driver_connection
            raw.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}").close()
            self._durable = durable
        return self._writer

    def _new_writer(self) -> Connection:
        writer = self.engine.connect().execution_options(**{WRITER: True})
        if not self.is_sqlite:
            # Writers read by index only; but before the planner has statistics of a growing table, it assumes
            # that the table is small, or has few distinct values, and reads all of it.
            writer.exec_driver_sql("SET enable_seqscan = off")
            writer.commit()
        return writer

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _retry(self, attempt: Callable[[], T]) -> T:
        deadline = self._clock() + self._timeout_s
        busy_backoff = Backoff(_BUSY_BACKOFF, deadline=deadline, clock=self._clock, rng=self._rng)
        unavailable_backoff = Backoff(
            _UNAVAILABLE_BACKOFF, deadline=deadline, clock=self._clock, rng=self._rng
        )
        collisions = 0
        while True:
            try:
                found = attempt()
            except DBAPIError as error:
                collisions += isinstance(error, IntegrityError)
                unavailable = is_unavailable(error)
                if unavailable:
                    self._outages.unavailable(error.orig)
                again = (unavailable or may_succeed_later(error)) and collisions <= _MAX_COLLISIONS
                if is_refused(error):
                    raise RefusedError(f"the ledger's database refused the values: {error.orig}") from error
                if not again or not (unavailable_backoff if unavailable else busy_backoff).pause():
                    raise LedgerError(f"the ledger failed: {error.orig}") from error
            else:
                self._outages.available()
                return found
