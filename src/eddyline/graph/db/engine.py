"""Connections to each kind of database, and the meaning of its errors."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.graph.db import fast_sql

WRITER = "eddyline_writer"
"""The execution option of the connection that writes."""

_BUSY_TIMEOUT_MS = 5  # SQLite's own retries are unfair (a worst case of seconds): ours have jitter
_OPENING_TIMEOUT_S = 60.0
_OPENING_BACKOFF = BackoffPolicy(base_s=0.005, cap_s=0.005)
_CACHE_KIB = 16 * 1024
_CHECKPOINT_PAGES = 4000

# PostgreSQL, in ms: the time limits of a statement, of a wait for a row lock, and of a suspended process that
# holds locks. JIT compilation takes longer than any statement here.
_SESSION = {
    "statement_timeout": 30_000,
    "lock_timeout": 10_000,
    "idle_in_transaction_session_timeout": 30_000,
    "jit": "off",
}
# A server that is lost without closing the connection is noticed within about 20 s.
_CONNECT_ARGS: dict[str, str | int] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
    "application_name": "eddyline",
    "options": " ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
}
# Serialization failure, deadlock, lock not available, statement timeout, too many connections: the
# transaction can run again a little later.
_RETRY_SQLSTATES = frozenset({"40001", "40P01", "55P03", "57014", "53300"})
# Messages of a server that is unavailable for a moment (a failed connection has no error code); other
# failures, such as a wrong password, would be the same a minute later.
_UNAVAILABLE = (
    "connection refused",
    "no such file or directory",
    "starting up",
    "shutting down",
    "recovery",
    "not yet accepting",
    "too many clients",
    "remaining connection slots",
    "timeout",
    "timed out",
    "closed the connection",
    "connection reset",
    "could not translate host name",
    "failed to resolve host",
    "network is unreachable",
    "no route to host",
)


def as_url(location: str | Path) -> str:
    """The database URL of a path, or of a URL such as `postgres://...`."""
    if isinstance(location, Path) or "://" not in location:
        return f"sqlite:///{location}"
    scheme, rest = location.split("://", 1)
    return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else location


def engine_for(url: str) -> Engine:
    """Create an engine, without connecting."""
    if not url.startswith("sqlite:"):
        given = make_url(url).query
        # Options in the URL take precedence.
        return create_engine(url, connect_args={k: v for k, v in _CONNECT_ARGS.items() if k not in given})
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": _BUSY_TIMEOUT_MS / 1000})
    if engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - a driver's
    # The driver must not begin transactions: its plain BEGIN, upgraded at the first write, fails at once if
    # another process has written meanwhile.
    connection.isolation_level = None
    backoff = Backoff(_OPENING_BACKOFF, deadline=time.monotonic() + _OPENING_TIMEOUT_S)
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            break
        except connection.OperationalError:
            if not backoff.pause():
                raise
    for pragma in (
        "synchronous=FULL",
        f"cache_size=-{_CACHE_KIB}",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writer = connection.get_execution_options().get(WRITER)
    fast_sql.execute(connection, "BEGIN IMMEDIATE" if writer else "BEGIN")


def is_unavailable(error: DBAPIError) -> bool:
    """Whether the server is unavailable: the connection failed or was lost."""
    if error.connection_invalidated:
        return True
    message = str(error.orig).lower()
    # Only a failure to connect has no code.
    code = getattr(error.orig, "sqlstate", None)
    return (
        isinstance(error, OperationalError) and code is None and any(part in message for part in _UNAVAILABLE)
    )


def is_refused(error: DBAPIError) -> bool:
    """Whether the values are invalid: too long, too large, or of a kind that the column cannot hold."""
    # Data exceptions, and program limits, such as the maximum size of an index row.
    return isinstance(error, DataError) or str(getattr(error.orig, "sqlstate", "")).startswith(("22", "54"))


def may_succeed_later(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed a moment later."""
    if isinstance(error, IntegrityError):
        return True  # two processes submitted the same id: the second run sees the first one's row
    if getattr(error.orig, "sqlstate", None) in _RETRY_SQLSTATES:
        return True
    name = getattr(error.orig, "sqlite_errorname", "")
    return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
