"""The ledger's schema, one revision after the other (Alembic), and which of them a database has.

A new database is made whole from `tables` and marked as newest, so that the common case needs no Alembic;
a test holds the two ways to the same schema. An older one is brought up, all in one transaction, by whoever
opens it first; others wait for that. A newer one is refused: its program knows things that this one does not.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select, text

from eddyline.graph.db import schema

HEAD = "0006"
"""The newest revision; `tables` is its schema."""

_OPENING_LOCK = 0x0EDD1  # a PostgreSQL advisory lock: one process changes the tables

# As Alembic itself makes it.
versions = Table(
    "alembic_version", MetaData(), Column("version_num", String(32), primary_key=True, nullable=False)
)


def revision_of(connection: Connection) -> str | None:
    """The revision of a database; None for one that holds no ledger."""
    names = set(inspect(connection).get_table_names())
    if versions.name in names:
        found = connection.execute(select(versions.c.version_num)).scalar()
        if found is not None:
            return str(found)
    # Ledgers were numbered in a table of their own before there were migrations.
    return "0001" if "ledger" in names and "jobs" in names else None


def bring_up(connection: Connection) -> None:
    """Make the newest schema of whatever is there, in the transaction that the connection is in."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _OPENING_LOCK})
        # A big ledger's new index may take longer than any statement of daily work.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
    found = revision_of(connection)
    if found == HEAD:
        return
    if found is None:
        schema.for_dialect(connection.dialect.name)
        schema.metadata.create_all(connection)
        versions.create(connection)
        connection.execute(insert(versions), {"version_num": HEAD})
        return
    _upgrade(connection, found)


def is_older(revision: str) -> bool:
    """Whether migrations lead from this revision to the newest; revisions are numbers of four digits."""
    return revision.isdecimal() and len(revision) == len(HEAD) and revision < HEAD


def _upgrade(connection: Connection, found: str) -> None:
    # Slow to import, and needed once in a ledger's life.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", "eddyline.graph.db:migrations")
    config.attributes["connection"] = connection
    if not inspect(connection).has_table(versions.name):
        command.stamp(config, found)
    command.upgrade(config, HEAD)
