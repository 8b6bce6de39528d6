"""The revisions of the ledger's schema (Alembic), and the revision of a database.

A new database is created from `schema` and marked as newest, so that the common case does not need Alembic; a
test checks that both ways make the same schema. An older one is upgraded in one transaction by the first
process that opens it; others wait for that. A newer one is refused: its program may store what this one does
not know.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select, text

from eddyline.graph.db import library_schema, schema, search_schema

HEAD = "0012"
"""The newest revision, that of `schema`."""

_UPGRADE_LOCK = 0x0EDD1  # a PostgreSQL advisory lock: one process changes the tables

# As Alembic creates it.
versions = Table(
    "alembic_version", MetaData(), Column("version_num", String(32), primary_key=True, nullable=False)
)


def revision_of(connection: Connection) -> str | None:
    """The revision of a database; None if it does not contain a ledger."""
    names = set(inspect(connection).get_table_names())
    if versions.name in names:
        found = connection.execute(select(versions.c.version_num)).scalar()
        if found is not None:
            return str(found)
    # Before there were migrations, the revision was in the table `ledger`.
    return "0001" if "ledger" in names and "jobs" in names else None


def upgrade(connection: Connection) -> None:
    """Create or upgrade the schema, in the transaction of the connection."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        # A new index of a large ledger may take longer than the usual statement timeout.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
    found = revision_of(connection)
    if found == HEAD:
        return
    if found is None:
        schema.for_dialect(connection.dialect.name)
        library_schema.metadata.create_all(connection)  # of both modules
        search_schema.create(connection)
        versions.create(connection)
        connection.execute(insert(versions), {"version_num": HEAD})
        return
    _upgrade(connection, found)


def is_older(revision: str) -> bool:
    """Whether a revision can be upgraded to the newest; revisions are numbers of four digits."""
    return revision.isdecimal() and len(revision) == len(HEAD) and revision < HEAD


def _upgrade(connection: Connection, found: str) -> None:
    # Slow to import, and rarely needed.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", "eddyline.graph.db:migrations")
    config.attributes["connection"] = connection
    if not inspect(connection).has_table(versions.name):
        command.stamp(config, found)
    command.upgrade(config, HEAD)
