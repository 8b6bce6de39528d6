"""Statements on the driver's own cursor, bypassing SQLAlchemy but in its transaction and with its errors.

SQLAlchemy's overhead for a statement is several times the time of SQLite, and the ledger's columns are text
and numbers, which need no conversion with either driver.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError, StatementError

Values: TypeAlias = Mapping[str, Any] | Sequence[Any]
"""A statement's parameters, in the driver's own style: by name or by position."""


def fetch(connection: Connection, statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    driver = _driver_of(connection)
    try:
        rows: list[tuple[Any, ...]] = driver.execute(statement, values).fetchall()
    except connection.dialect.loaded_dbapi.Error as error:
        raise _translate_error(connection, statement, error) from error
    return rows


def execute(connection: Connection, statement: str, values: Values = ()) -> int:
    """Run a statement that returns no rows; returns how many rows it changed."""
    driver = _driver_of(connection)
    try:
        changed: int = driver.execute(statement, values).rowcount
    except connection.dialect.loaded_dbapi.Error as error:
        raise _translate_error(connection, statement, error) from error
    return changed


def execute_many(connection: Connection, statement: str, rows: Sequence[Values]) -> None:
    """Run a statement that returns no rows once for each of `rows`."""
    driver = _driver_of(connection)
    try:
        driver.executemany(statement, rows)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _translate_error(connection, statement, error) from error


def _driver_of(connection: Connection) -> Any:  # noqa: ANN401 - a driver's
    return connection.connection.driver_connection


def _translate_error(connection: Connection, statement: str, error: Any) -> StatementError:  # noqa: ANN401 - the driver's
    """The error to raise; invalidates a connection whose server is gone, as SQLAlchemy does."""
    gone = connection.dialect.is_disconnect(error, _driver_of(connection), None)
    if gone:
        connection.invalidate(error)
    return failure(connection.dialect, statement, error, gone=gone)


def failure(dialect: Dialect, statement: str, error: Exception, *, gone: bool = False) -> StatementError:
    """A driver's error as SQLAlchemy's; `gone` if its connection is unusable."""
    return DBAPIError.instance(
        statement, None, error, Exception, connection_invalidated=gone, dialect=dialect
    )
