"""Queries and bulk statements on either database, at the least cost to the client.

PostgreSQL gets arrays, in one statement text for any number of rows, which the server plans once; SQLite gets
rows by position, which it binds in half the time of names, and lists of ids as one JSON text.
"""

from __future__ import annotations

import json
import re
from collections import namedtuple
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Executable,
    Float,
    Insert,
    Integer,
    Select,
    Text,
    Update,
    make_url,
)

from eddyline.graph.db import fast_sql

_BATCH = 500  # ids in one IN list
_ARRAYS: dict[type[Any], str] = {
    Text: "text",
    Integer: "integer",
    BigInteger: "bigint",
    Float: "double precision",
    Boolean: "boolean",
}
_DIALECTS = {"sqlite": ("sqlite://", "qmark"), "postgresql": ("postgresql+psycopg://", "pyformat")}
# One text for any number of values: a list of parameters would be planned again for each number.
_LIST = re.compile(r"IN \(__\[POSTCOMPILE_(\w+)\]\)")
_LISTS = {"sqlite": "IN (SELECT value FROM json_each(?))", "postgresql": r"= ANY(%(\1)s::text[])"}
_JSON = json.JSONEncoder(ensure_ascii=False)


def batches(ids: Collection[str]) -> Iterator[list[str]]:
    """The ids in ascending order, in lists short enough for one statement."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), _BATCH):
        yield ordered[start : start + _BATCH]


def fetch(connection: Connection, query: Select[Any], values: Mapping[str, Any]) -> list[Any]:
    """The rows of a query as named tuples; `values` are its parameters, of which lists are lists of text.

    The rows hold the driver's own values: on SQLite a boolean is 0 or 1.
    """
    compiled = _statement(query, (), connection.dialect.name)
    return list(map(_row_of(query), fast_sql.fetch(connection, compiled.text, compiled.place(values))))


def rows_for(connection: Connection, query: Select[Any], ids: Collection[str]) -> list[Any]:
    """The rows of a query with one parameter `ids`, for any number of ids; see `fetch`."""
    return fetch(connection, query, {"ids": sorted(ids)}) if ids else []


def change(connection: Connection, statement: Update, values: Mapping[str, Any]) -> int:
    """Run an update with the values of its parameters and columns; returns how many rows changed."""
    compiled = _statement(statement, tuple(values), connection.dialect.name)
    return fast_sql.execute(connection, compiled.text, compiled.place(values))


@dataclass(frozen=True, kw_only=True)
class _Compiled:
    """A statement as a driver takes it, its constant parameters, and the order of all (None: by name)."""

    text: str
    constants: Mapping[str, Any]
    order: Sequence[str] | None

    def place(self, values: Mapping[str, Any]) -> fast_sql.Values:
        """The values of all parameters, as the driver takes them."""
        given = {**self.constants, **values}
        if self.order is None:
            return {name: _array(Text, v) if isinstance(v, list) else v for name, v in given.items()}
        ordered = [given[name] for name in self.order]
        return [_JSON.encode(v) if isinstance(v, list) else v for v in ordered]


@cache
def _statement(statement: Executable, names: tuple[str, ...], dialect: str) -> _Compiled:
    compiled = _compiled(statement, names, dialect)
    return _Compiled(
        text=_LIST.sub(_LISTS[dialect], str(compiled)),
        constants={name: value for name, value in compiled.params.items() if value is not None},
        order=compiled.positiontup,
    )


@cache
def _row_of(query: Select[Any]) -> Callable[[Iterable[Any]], Any]:
    """A function that makes a named tuple of a query's row."""
    row = namedtuple("Row", query.selected_columns.keys())  # type: ignore[misc] # noqa: PYI024 - known only here
    return row._make


def array(column: Column[Any], values: Iterable[Any]) -> str:
    """The values of a column as PostgreSQL text, to be cast to an array of `array_type`."""
    return _array(type(column.type), values)


def array_type(column: Column[Any]) -> str:
    """The type of a column in PostgreSQL."""
    return _ARRAYS[type(column.type)]


def _array(kind: type[Any], values: Iterable[Any]) -> str:
    """An array as PostgreSQL text: the driver's own adaptation takes a quarter of the time of a claim."""
    if kind is not Text:
        return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def many(
    connection: Connection,
    statement: Insert | Update,
    names: Sequence[str],
    rows: Sequence[Any],
    get: Callable[..., Callable[[Any], Any]] = itemgetter,
) -> None:
    """Run a statement once for every row, which has at least these names; on PostgreSQL in one statement.

    The first name of an update is the parameter with the key of the row; the others are columns. `get` makes
    a function that reads names of a row: `itemgetter`, or `attrgetter` where rows are objects.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        types = _types(statement, tuple(names))
        arrays = {name: _array(kind, map(get(name), rows)) for name, kind in types.items()}
        fast_sql.execute(connection, _set_based(statement, tuple(names)), arrays)
    else:
        compiled = _statement(statement, tuple(names), "sqlite")
        fast_sql.execute_many(connection, compiled.text, list(map(get(*compiled.order or ()), rows)))


def _compiled(statement: Executable, names: Sequence[str], dialect: str) -> Any:  # noqa: ANN401 - Compiled, whose positions have no type
    url, paramstyle = _DIALECTS[dialect]
    kind: Any = make_url(url).get_dialect()
    compilable: Any = statement
    return compilable.compile(dialect=kind(paramstyle=paramstyle), column_keys=names or None)


@cache
def _types(statement: Insert | Update, names: tuple[str, ...]) -> dict[str, type[Any]]:
    table: Any = statement.table
    key = names[0] if isinstance(statement, Update) else None
    return {name: type(table.c[_key_of(table) if name == key else name].type) for name in names}


def _key_of(table: Any) -> str:  # noqa: ANN401 - a Table
    (column,) = table.primary_key.columns
    return str(column.name)


@cache
def _set_based(statement: Insert | Update, names: tuple[str, ...]) -> str:
    """The statement text for rows passed as one array per column."""
    table: Any = statement.table
    types = _types(statement, names)
    arrays = ", ".join(f"%({name})s::{_ARRAYS[kind]}[]" for name, kind in types.items())
    if isinstance(statement, Insert):
        return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM unnest({arrays})"  # noqa: S608 - names of columns
    key, *others = names
    changes = ", ".join(f"{name} = new.{name}" for name in others)
    source = f"unnest({arrays}) AS new ({', '.join(names)})"
    return f"UPDATE {table.name} SET {changes} FROM {source} WHERE {table.name}.{_key_of(table)} = new.{key}"  # noqa: S608 - names of columns
