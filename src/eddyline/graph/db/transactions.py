"""The door to the database: one writer, many readers, and patience with other writers and lost servers."""

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
from eddyline.graph.db.engine import WRITER, as_url, engine_for, is_away, is_refused, may_run_again

__all__ = ["Database", "LedgerError", "RefusedError", "answer_was_lost", "as_url"]

T = TypeVar("T")

_PATIENCE_S = 60.0
_OPENING_PATIENCE_S = 10.0  # a person may wait, and may have mistyped the server's name
_COLLISIONS = 5  # so often may others submit the same ids at the same moment
_BUSY_BACKOFF = BackoffPolicy(base_s=0.001, cap_s=0.05, jitter=1.0)  # while another process writes
_UNAVAILABLE_BACKOFF = BackoffPolicy(base_s=0.001, cap_s=1.0, jitter=1.0)  # while the server is unavailable
_LOST = "eddyline_answer_lost"


class LedgerError(TransientError):
    """The ledger cannot be read or written."""

    default_remedy = (
        "see to free disk space and that the ledger's file or server can be reached, then try again"
    )


class RefusedError(UsageError):
    """The ledger's database does not take these very values, however often they come."""

    default_remedy = "report it: this is a bug, nothing of it was written"


def answer_was_lost(connection: Connection) -> bool:
    """Whether this transaction ran before and the server vanished at its commit: it may have been done."""
    return bool(connection.info.get(_LOST))


class Database:
    """Transactions on a ledger's database. Safe from any thread; not across a fork.

    A server that is away is waited for (10 s when opening, a minute later on), with growing pauses.
    """

    def __init__(self, url: str, rng: random.Random) -> None:
        self.engine = engine_for(url)
        self._outages = OutageLog("ledger")
        # Else each statement would have a view of its own.
        self._readers = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(isolation_level="REPEATABLE READ")
        )
        self._rng = rng
        self._lock = threading.Lock()
        self._writer: Connection | None = None
        self._durable = True
        self._patience_s = _OPENING_PATIENCE_S
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        self._patience_s = _PATIENCE_S

    def _open(self) -> None:
        """See to it that the schema is the newest; takes the writer's place only if it is not."""
        found = self.read(migrations.revision_of)
        if found == migrations.HEAD:
            return
        if found is not None and not migrations.is_older(found):
            raise LedgerError(
                f"the ledger has schema revision {found}, this program knows {migrations.HEAD}",
                remedy="use the version of eddyline that wrote it, or another folder",
            )
        self.write(migrations.bring_up)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a file of this machine."""
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        """Give every connection back."""
        with self._lock:
            self._drop_writer()
        self.engine.dispose()

    def write(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """Run `work` in a write transaction, again if another writer was in the way or the server went away.

        A `durable` one survives a power cut once this returns; another may be undone by one, never torn.
        `work` must have no other effect than its statements. Where the server vanished at the commit, the
        next run finds `answer_was_lost`.
        """
        lost = False

        def once() -> T:
            nonlocal lost
            with self._lock:
                writer = self._ready_writer(durable=durable)
                writer.info[_LOST] = lost
                transaction = writer.begin()
                with_answer = False
                try:
                    found = work(writer)
                    with_answer = True
                    transaction.commit()
                except BaseException as error:
                    gone = isinstance(error, DBAPIError) and error.connection_invalidated
                    lost = lost or (gone and with_answer)
                    if gone or writer.invalidated:
                        self._drop_writer()
                    else:
                        transaction.rollback()
                    raise
                return found

        return self._patiently(once)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one consistent view of the database."""

        def once() -> T:
            with self._readers.begin() as connection:
                return work(connection)

        return self._patiently(once)

    def compact(self) -> None:
        """Give space back to the file system, or to the server."""
        statement = "VACUUM" if self.is_sqlite else "VACUUM (ANALYZE) jobs, dependencies"

        def once() -> None:
            # Not in a transaction: this is no place for the writer's connection.
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

        self._patiently(once)

    def _ready_writer(self, *, durable: bool) -> Connection:
        if self._writer is None:
            self._writer = self._new_writer()
            self._durable = True
        if self.is_sqlite and durable is not self._durable:
            # Must be said outside a transaction, so past SQLAlchemy, which would begin one.
            raw: Any = self._writer.connection.driver_connection
            raw.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}").close()
            self._durable = durable
        return self._writer

    def _new_writer(self) -> Connection:
        writer = self.engine.connect().execution_options(**{WRITER: True})
        if not self.is_sqlite:
            # All that writers look for is in an index; but before its first look at a table that grows, the
            # server guesses that it holds little, or much of the same, and reads the whole of it.
            writer.exec_driver_sql("SET enable_seqscan = off")
            writer.commit()
        return writer

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _patiently(self, attempt: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._patience_s
        busy = Backoff(_BUSY_BACKOFF, deadline=deadline, rng=self._rng)
        unavailable = Backoff(_UNAVAILABLE_BACKOFF, deadline=deadline, rng=self._rng)
        collisions = 0
        while True:
            try:
                found = attempt()
            except DBAPIError as error:
                collisions += isinstance(error, IntegrityError)
                away = is_away(error)
                if away:
                    self._outages.unavailable(error.orig)
                again = (away or may_run_again(error)) and collisions <= _COLLISIONS
                if is_refused(error):
                    raise RefusedError(f"the ledger refused it: {error.orig}") from error
                if not again or not (unavailable if away else busy).pause():
                    raise LedgerError(f"the ledger failed: {error.orig}") from error
            else:
                self._outages.available()
                return found
