"""Unique times of creation: the order of the catalogue, and the key of the search index on SQLite."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from eddyline.graph.db.library_schema import assets

_MICROSECONDS = 1_000_000
_TAKEN = select(assets.c.asset).where(assets.c.created == bindparam("at")).limit(1)


def unique_time(connection: Connection, at: float) -> float:
    """`at` in whole microseconds, or the next ones that no other asset has, in seconds since 1970.

    Concurrent transactions on PostgreSQL may choose the same time; the order is by time and id there.
    """
    number = round(at * _MICROSECONDS)
    while connection.execute(_TAKEN, {"at": number / _MICROSECONDS}).first() is not None:
        number += 1
    return number / _MICROSECONDS
