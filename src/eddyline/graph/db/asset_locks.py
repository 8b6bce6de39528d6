"""Locks on assets, on PostgreSQL, taken before any row's: so that no two transactions wait for each other.

Rows are locked in the order of their ids, but what a transaction locks next depends on what it found, so two
that change the same asset's graph could still meet head-on. Whoever may do so takes its assets first, in
order. Plain answers share them: they lock what ran, then what waits, and never the other way round. The
locks are 1024 by number, so that any number of assets fits in the server's table of locks. On SQLite there is
one writer, and nothing to do.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from eddyline.graph.db import fast_sql

_CLASS = 0xEDD1
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
    """Take the assets of these jobs until the transaction ends."""
    _take(connection, _OF_JOBS, ids, share=share)


def lock_assets(connection: Connection, assets: Collection[str]) -> None:
    """Take these assets until the transaction ends."""
    _take(connection, _OF_ASSETS, assets, share=False)


def _take(connection: Connection, query: str, names: Collection[str], *, share: bool) -> None:
    if not names or connection.dialect.name != "postgresql":
        return
    function = "pg_advisory_xact_lock_shared" if share else "pg_advisory_xact_lock"
    statement = query.format(function=function, number=_CLASS, locks=_LOCKS)
    fast_sql.fetch(connection, statement, {"names": sorted(names)})
