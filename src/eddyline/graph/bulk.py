"""Many rows in one statement, on either database, at the least cost to the process that asks.

The ledger's columns are text and numbers that both drivers take unconverted; SQLAlchemy's own processing of
each row would cost more than the database does. PostgreSQL gets arrays, in one text for any number of rows,
so that the server plans it once; SQLite gets rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Executable,
    Float,
    Insert,
    Integer,
    Row,
    Select,
    Text,
    Update,
    make_url,
)

_BATCH = 500  # ids in one IN list
_ARRAYS: dict[type[Any], str] = {
    Text: "text",
    Integer: "integer",
    BigInteger: "bigint",
    Float: "double precision",
    Boolean: "boolean",
}
# Named parameters on both, so that rows stay dicts.
_DIALECTS = {"sqlite": ("sqlite://", "named"), "postgresql": ("postgresql+psycopg://", "pyformat")}


def batches(ids: Collection[str]) -> Iterator[list[str]]:
    """The ids in ascending order, in lists short enough for one statement."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), _BATCH):
        yield ordered[start : start + _BATCH]


def rows_for(connection: Connection, query: Select[Any], ids: Collection[str]) -> list[Row[Any]]:
    """The rows of a query that has one parameter `ids`, for any number of them."""
    if not ids:
        return []
    if connection.dialect.name == "postgresql":
        return list(connection.exec_driver_sql(_with_array(query), {"ids": _array(Text, sorted(ids))}).all())
    return [row for batch in batches(ids) for row in connection.execute(query, {"ids": batch}).all()]


@cache
def _with_array(query: Select[Any]) -> str:
    text = _compiled(query, ("ids",), "postgresql")
    return text.replace("IN (__[POSTCOMPILE_ids])", "= ANY(%(ids)s::text[])")


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
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Run a statement once for every row, which has at least these names; on PostgreSQL all at once.

    An update's first name is the parameter that says which row is meant, by its key; the others are columns.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        types = _types(statement, tuple(names))
        arrays = {name: _array(kind, [row[name] for row in rows]) for name, kind in types.items()}
        connection.exec_driver_sql(_set_based(statement, tuple(names)), arrays)
    else:
        text = _compiled(statement, tuple(names), connection.dialect.name)
        connection.exec_driver_sql(text, list(rows))


@cache
def _compiled(statement: Executable, names: tuple[str, ...], dialect: str) -> str:
    url, paramstyle = _DIALECTS[dialect]
    kind: Any = make_url(url).get_dialect()
    compiled: Any = statement
    return str(compiled.compile(dialect=kind(paramstyle=paramstyle), column_keys=list(names)))


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
