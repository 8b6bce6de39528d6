"""Inserts that leave existing rows as they are, on either database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, TextClause, text


def insert_if_absent(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows with a value for every column; a row whose primary key exists is left out."""
    if rows:
        connection.execute(_statement(table), list(rows))


@cache
def _statement(table: Table) -> TextClause:
    names = [column.name for column in table.columns]
    values = ", ".join(f":{name}" for name in names)
    return text(
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({values}) ON CONFLICT DO NOTHING"  # noqa: S608 - names of columns
    )
