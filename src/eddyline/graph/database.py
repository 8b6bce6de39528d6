"""The door to the database: one writer, many readers, and all that differs between SQLite and PostgreSQL."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError

from eddyline.core.errors import TransientError
from eddyline.graph import migrations

T = TypeVar("T")

_BUSY_TIMEOUT_MS = 5  # SQLite's own waiting is unfair (a worst case of seconds): ours has jitter
_PATIENCE_S = 60.0
_COLLISIONS = 5  # so often may others submit the same ids at the same moment
_CACHE_KIB = 16 * 1024
_CHECKPOINT_PAGES = 4000
# PostgreSQL: serialization failure, deadlock, lock not available. The transaction can simply run again.
_AGAIN_SQLSTATES = frozenset({"40001", "40P01", "55P03"})


class LedgerError(TransientError):
    """The ledger cannot be read or written."""

    default_remedy = (
        "see to free disk space and that the ledger's file or server can be reached, then try again"
    )


class Database:
    """Transactions on a ledger's database. Safe from any thread; not across a fork."""

    def __init__(self, url: str, rng: random.Random) -> None:
        self.engine = _engine(url)
        self._rng = rng
        self._lock = threading.Lock()
        self._writer: Connection | None = None
        self._durable = True
        try:
            self._open()
        except BaseException:
            self.close()
            raise

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
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        self.engine.dispose()

    def write(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """Run `work` in a write transaction, again if another writer was in the way.

        A `durable` one survives a power cut once this returns; another may be undone by one, never torn.
        `work` must have no other effect than its statements.
        """
        with self._lock:
            return self._patiently(lambda: self._write_once(work, durable=durable))

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one consistent view of the database."""

        def once() -> T:
            with self.engine.begin() as connection:
                return work(connection)

        return self._patiently(once)

    def _write_once(self, work: Callable[[Connection], T], *, durable: bool) -> T:
        if self._writer is None:
            self._writer = self.engine.connect().execution_options(eddyline_writer=True)
            self._durable = True
        if self.is_sqlite and durable is not self._durable:
            # Must be said outside a transaction, so past SQLAlchemy, which would begin one.
            raw: Any = self._writer.connection.driver_connection
            raw.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}").close()
            self._durable = durable
        try:
            with self._writer.begin():
                return work(self._writer)
        except DBAPIError as error:
            if error.connection_invalidated:
                self._writer.close()
                self._writer = None
            raise

    def _patiently(self, attempt: Callable[[], T]) -> T:
        give_up = time.monotonic() + _PATIENCE_S
        pause = 0.001
        collisions = 0
        while True:
            try:
                return attempt()
            except DBAPIError as error:
                collisions += isinstance(error, IntegrityError)
                if not _may_run_again(error) or collisions > _COLLISIONS or time.monotonic() >= give_up:
                    raise LedgerError(f"the ledger failed: {error.orig}") from error
            time.sleep(self._rng.uniform(0, pause))
            pause = min(pause * 2, 0.05)


def as_url(location: str | Path) -> str:
    """A database URL from a path or a URL as people write it."""
    if isinstance(location, Path) or "://" not in location:
        return f"sqlite:///{location}"
    scheme, rest = location.split("://", 1)
    return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else location


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite:"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": _BUSY_TIMEOUT_MS / 1000})
    if engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
    # The driver must not begin transactions by itself: its plain BEGIN, upgraded at the first write, fails
    # at once whenever another process has written meanwhile.
    connection.isolation_level = None
    give_up = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            break
        except connection.OperationalError:
            if time.monotonic() >= give_up:
                raise
            time.sleep(0.005)
    for pragma in (
        "synchronous=FULL",
        f"cache_size=-{_CACHE_KIB}",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writer = connection.get_execution_options().get("eddyline_writer")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")


def _may_run_again(error: DBAPIError) -> bool:
    if isinstance(error, IntegrityError):
        return True  # two submitted the same id at once: the second run sees the first's row
    if error.connection_invalidated:
        return True
    if getattr(error.orig, "sqlstate", None) in _AGAIN_SQLSTATES:
        return True
    name = getattr(error.orig, "sqlite_errorname", "")
    return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
