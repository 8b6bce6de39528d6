"""Locks on assets, on PostgreSQL, taken before any row locks: they avoid deadlocks.

Rows are locked in the order of their ids, but which rows a transaction locks next depends on what it reads,
so two transactions that change the same asset's graph could still deadlock. Those that may do so lock the
assets first, in order. Results that change only dependants share the locks: they lock the finished jobs, then
the waiting ones, never the other way round. There are 1024 locks, numbered by a hash, so that any number of
assets fits into the server's lock table. SQLite has one writer and needs no locks.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from eddyline.graph.db import fast_sql

_NAMESPACE = 0xEDD1
_LOCKS = 1024

_OF_JOBS = """
SELECT count({function}({number}, key)) FROM (
  SELECT DISTINCT mod(hashtext(asset), {locks}) AS key FROM jobs WHERE id = ANY(%(names)s) ORDER BY key
) AS keys
"""
_OF_ASSETS = """
SELECT count({function}({number}, key)) FROM (
  SELECT DISTINCT mod(hashtext(asset), {locks}) AS key FROM unnest(%(names)s::text[]) AS asset ORDER BY key
) AS keys
"""


def lock_jobs(connection: Connection, ids: Collection[str], *, share: bool = False) -> None:
    """Lock the assets of these jobs until the transaction ends."""
    _lock(connection, _OF_JOBS, ids, share=share)


def lock_assets(connection: Connection, assets: Collection[str]) -> None:
    """Lock these assets until the transaction ends."""
    _lock(connection, _OF_ASSETS, assets, share=False)


def _lock(connection: Connection, query: str, names: Collection[str], *, share: bool) -> None:
    if not names or connection.dialect.name != "postgresql":
        return
    function = "pg_advisory_xact_lock_shared" if share else "pg_advisory_xact_lock"
    statement = query.format(function=function, number=_NAMESPACE, locks=_LOCKS)
    fast_sql.fetch(connection, statement, {"names": sorted(names)})
