"""How each kind of database is reached, and what its errors mean: all that differs between the dialects."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from eddyline.graph.db import fast_sql

WRITER = "eddyline_writer"
"""The execution option of the one connection that writes."""

_BUSY_TIMEOUT_MS = 5  # SQLite's own waiting is unfair (a worst case of seconds): ours has jitter
_OPENING_PATIENCE_S = 60.0
_CACHE_KIB = 16 * 1024
_CHECKPOINT_PAGES = 4000

# PostgreSQL: what a statement may take, may wait for a row, and how long a frozen process may hold locks, in
# ms. Compiling a statement takes longer than any of ours.
_SESSION = {
    "statement_timeout": 30_000,
    "lock_timeout": 10_000,
    "idle_in_transaction_session_timeout": 30_000,
    "jit": "off",
}
# A server that vanished without a word is noticed within about 20 s.
_CONNECTING: dict[str, str | int] = {
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
# transaction can simply run again, a little later.
_AGAIN_SQLSTATES = frozenset({"40001", "40P01", "55P03", "57014", "53300"})
# What a server that is only away for a moment answers (there is no code for it when connecting); anything
# else, such as a wrong password, will be the same a minute later.
_AWAY = (
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
    """A database URL from a path or a URL as people write it."""
    if isinstance(location, Path) or "://" not in location:
        return f"sqlite:///{location}"
    scheme, rest = location.split("://", 1)
    return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else location


def engine_for(url: str) -> Engine:
    """An engine; nothing is connected yet."""
    if not url.startswith("sqlite:"):
        said = make_url(url).query
        # What the URL says itself, counts.
        return create_engine(url, connect_args={k: v for k, v in _CONNECTING.items() if k not in said})
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": _BUSY_TIMEOUT_MS / 1000})
    if engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - a driver's
    # The driver must not begin transactions by itself: its plain BEGIN, upgraded at the first write, fails
    # at once whenever another process has written meanwhile.
    connection.isolation_level = None
    give_up = time.monotonic() + _OPENING_PATIENCE_S
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
    writer = connection.get_execution_options().get(WRITER)
    fast_sql.execute(connection, "BEGIN IMMEDIATE" if writer else "BEGIN")


def is_away(error: DBAPIError) -> bool:
    """Whether the server is not there, now: it could not be connected to, or went away meanwhile."""
    if error.connection_invalidated:
        return True
    said = str(error.orig).lower()
    # Only a failure to connect has no code.
    code = getattr(error.orig, "sqlstate", None)
    return isinstance(error, OperationalError) and code is None and any(sign in said for sign in _AWAY)


def is_refused(error: DBAPIError) -> bool:
    """Whether the values themselves are at fault: too long, too large, or nothing that a column can hold."""
    # Data exceptions, and limits of the program, such as the length of what an index holds.
    return isinstance(error, DataError) or str(getattr(error.orig, "sqlstate", "")).startswith(("22", "54"))


def may_run_again(error: DBAPIError) -> bool:
    """Whether the same transaction may well succeed a moment later."""
    if isinstance(error, IntegrityError):
        return True  # two submitted the same id at once: the second run sees the first's row
    if getattr(error.orig, "sqlstate", None) in _AGAIN_SQLSTATES:
        return True
    name = getattr(error.orig, "sqlite_errorname", "")
    return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
