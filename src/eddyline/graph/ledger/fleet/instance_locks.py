"""Locks on instances, on PostgreSQL: one transaction at a time folds the events about an instance.

Two transactions that store different events about one instance would otherwise each fold without the event of
the other. There are 1024 locks, numbered by a hash. SQLite has one writer and needs no locks.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from eddyline.graph.db import fast_sql

_NAMESPACE = 0xEDD2
_LOCKS = 1024
_LOCK = f"""
SELECT count(pg_advisory_xact_lock({_NAMESPACE}, key)) FROM (
  SELECT DISTINCT mod(hashtext(name), {_LOCKS}) AS key FROM unnest(%(names)s::text[]) AS name ORDER BY key
) AS keys
"""  # noqa: S608 - constants


def lock_instances(connection: Connection, names: Collection[str]) -> None:
    """Lock these instances until the transaction ends."""
    if names and connection.dialect.name == "postgresql":
        fast_sql.fetch(connection, _LOCK, {"names": sorted(names)})
