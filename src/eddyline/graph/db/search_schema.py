"""The index for searches in the names and cameras of assets, as each database has it.

SQLite: a full-text table of trigrams, which triggers keep equal to the table `assets`; its row id is the time
of creation in microseconds, which is unique there, so that it has the order of listings. PostgreSQL: an index
of the extension pg_trgm. Where neither is available, searches read all names.

Revision 0009 uses this module: a change of these statements needs a new revision.
"""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

TABLE = "assets_search"

MICROSECONDS = 1_000_000
"""Row ids of the full-text table per second of the time of creation."""

_ROW_ID = f"CAST(round({{row}}.created * {MICROSECONDS}.0) AS INTEGER)"
_PUT = (
    f"INSERT OR REPLACE INTO {TABLE} (rowid, name, camera) "  # noqa: S608 - constants
    f"VALUES ({_ROW_ID.format(row='new')}, new.name, coalesce(new.camera, ''))"
)
_REMOVE = f"DELETE FROM {TABLE} WHERE rowid = {_ROW_ID.format(row='old')}"  # noqa: S608 - constants
_CHANGE = (
    "WHEN old.name IS NOT new.name OR old.camera IS NOT new.camera OR old.created IS NOT new.created "
    f"BEGIN {_REMOVE}; {_PUT}; END"
)
_SQLITE = (
    f"CREATE VIRTUAL TABLE {TABLE} USING fts5(name, camera, tokenize='trigram')",
    f"CREATE TRIGGER {TABLE}_insert AFTER INSERT ON assets BEGIN {_PUT}; END",
    f"CREATE TRIGGER {TABLE}_delete AFTER DELETE ON assets BEGIN {_REMOVE}; END",
    f"CREATE TRIGGER {TABLE}_update AFTER UPDATE OF name, camera, created ON assets {_CHANGE}",
)
_POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    f"CREATE INDEX {TABLE} ON assets USING gin (name gin_trgm_ops, camera gin_trgm_ops)",
)


def create(connection: Connection) -> None:
    """Create the index after the table `assets`, if the database has the means."""
    statements = _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE
    point = connection.begin_nested()
    try:
        for statement in statements:
            connection.execute(text(statement))
    except DBAPIError:  # no such module or tokenizer; no such extension, or not permitted
        point.rollback()
    else:
        point.commit()


def has_full_text(connection: Connection) -> bool:
    """Whether the database is SQLite with the full-text table."""
    if connection.dialect.name != "sqlite":
        return False
    found = connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = :name"), {"name": TABLE})
    return found.first() is not None
