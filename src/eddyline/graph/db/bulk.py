"""Queries and many rows in one statement, on either database, at the least cost to the process that asks.

PostgreSQL gets arrays, in one text for any number of rows, so that the server plans it once; SQLite gets rows
by position, which it binds in half the time that names take, and lists of ids as one JSON text.
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
# One text for any number of values: a list of parameters would be planned anew for each number.
_LIST = re.compile(r"IN \(__\[POSTCOMPILE_(\w+)\]\)")
_LISTS = {"sqlite": "IN (SELECT value FROM json_each(?))", "postgresql": r"= ANY(%(\1)s::text[])"}
_JSON = json.JSONEncoder(ensure_ascii=False)


def batches(ids: Collection[str]) -> Iterator[list[str]]:
    """The ids in ascending order, in lists short enough for one statement."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), _BATCH):
        yield ordered[start : start + _BATCH]


def fetch(connection: Connection, query: Select[Any], values: Mapping[str, Any]) -> list[Any]:
    """The rows of a query with its parameters' values, of which lists are of text: named tuples.

    Their values come as the driver gives them: on SQLite a boolean is 0 or 1.
    """
    worded = _worded(query, (), connection.dialect.name)
    return list(map(_row_of(query), fast_sql.fetch(connection, worded.text, worded.place(values))))


def rows_for(connection: Connection, query: Select[Any], ids: Collection[str]) -> list[Any]:
    """The rows of a query that has one parameter `ids`, for any number of them; see `fetch`."""
    return fetch(connection, query, {"ids": sorted(ids)}) if ids else []


def change(connection: Connection, statement: Update, values: Mapping[str, Any]) -> int:
    """Run an update once, with the values of its parameters and columns; returns how many rows changed."""
    worded = _worded(statement, tuple(values), connection.dialect.name)
    return fast_sql.execute(connection, worded.text, worded.place(values))


@dataclass(frozen=True, kw_only=True)
class _Worded:
    """A statement in a driver's words, with its own parameters and the order of all (None: by name)."""

    text: str
    known: Mapping[str, Any]
    order: Sequence[str] | None

    def place(self, values: Mapping[str, Any]) -> fast_sql.Values:
        """All parameters' values, as the driver takes them."""
        given = {**self.known, **values}
        if self.order is None:
            return {name: _array(Text, v) if isinstance(v, list) else v for name, v in given.items()}
        ordered = [given[name] for name in self.order]
        return [_JSON.encode(v) if isinstance(v, list) else v for v in ordered]


@cache
def _worded(statement: Executable, names: tuple[str, ...], dialect: str) -> _Worded:
    compiled = _compiled(statement, names, dialect)
    return _Worded(
        text=_LIST.sub(_LISTS[dialect], str(compiled)),
        known={name: value for name, value in compiled.params.items() if value is not None},
        order=compiled.positiontup,
    )


@cache
def _row_of(query: Select[Any]) -> Callable[[Iterable[Any]], Any]:
    """What names the values of a query's row."""
    row = namedtuple("Row", query.selected_columns.keys())  # type: ignore[misc] # noqa: PYI024 - known only now
    return row._make


def _array(kind: type[Any], values: Iterable[Any]) -> str:
    """An array as the server writes one: the driver's own way costs a quarter of a claim."""
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
    """Run a statement once for every row, which has at least these names; on PostgreSQL all at once.

    An update's first name is the parameter that says which row is meant, by its key; the others are columns.
    `get` makes what reads names of a row: `itemgetter`, or `attrgetter` where rows are objects.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        types = _types(statement, tuple(names))
        arrays = {name: _array(kind, map(get(name), rows)) for name, kind in types.items()}
        fast_sql.execute(connection, _set_based(statement, tuple(names)), arrays)
    else:
        worded = _worded(statement, tuple(names), "sqlite")
        fast_sql.execute_many(connection, worded.text, list(map(get(*worded.order or ()), rows)))


def _compiled(statement: Executable, names: Sequence[str], dialect: str) -> Any:  # noqa: ANN401 - Compiled, whose places have no type
    url, paramstyle = _DIALECTS[dialect]
    kind: Any = make_url(url).get_dialect()
    compilable: Any = statement
    return compilable.compile(dialect=kind(paramstyle=paramstyle), column_keys=names or None)


@cache
def _types(statement: Insert | Update, names: tuple[str, ...]) -> dict[str, type[Any]]:
    table: Any = statement.table
    key = names[0] if isinstance(statement, Update) else None
    return {name: type(table.c[_key_of(table) if name == key else name].type) for name in names}


def _key_of(table: Any) -> str:  # noqa: ANN401 - a Table, whose types are of no help
    (column,) = table.primary_key.columns
    return str(column.name)


@cache
def _set_based(statement: Insert | Update, names: tuple[str, ...]) -> str:
    """The same for rows that come as one array a column."""
    table: Any = statement.table
    types = _types(statement, names)
    arrays = ", ".join(f"%({name})s::{_ARRAYS[kind]}[]" for name, kind in types.items())
    if isinstance(statement, Insert):
        return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM unnest({arrays})"  # noqa: S608 - columns' names
    key, *others = names
    changes = ", ".join(f"{name} = new.{name}" for name in others)
    source = f"unnest({arrays}) AS new ({', '.join(names)})"
    return f"UPDATE {table.name} SET {changes} FROM {source} WHERE {table.name}.{_key_of(table)} = new.{key}"  # noqa: S608 - columns' names
