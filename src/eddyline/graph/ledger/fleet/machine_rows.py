"""Rows of machines for the Spot dashboard, as plain tuples: a year may have a hundred thousand of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Select, or_, select

from eddyline.graph.db.bulk import batches
from eddyline.graph.db.schema import fleet_events, instances

MachineRow: TypeAlias = tuple[Any, ...]
"""The values of `COLUMNS` of one instance."""

COLUMNS = (
    "instance",
    "pool",
    "instance_type",
    "zone",
    "lifecycle",
    "vcpu",
    "ended_by",
    "launched",
    "terminated",
    "warned_at",
    "rebalance_at",
    "scale_in_at",
)
_ROWS = select(*(instances.c[name] for name in COLUMNS)).where(instances.c.pool != "")


def since(connection: Connection, start: float, *, limit: int) -> Sequence[MachineRow]:
    """Up to `limit` instances of all pools that may have run at or after `start`, in no order."""
    running_after = or_(instances.c.terminated.is_(None), instances.c.terminated >= start)
    return raw_rows(connection, _ROWS.where(running_after).limit(limit))


def ended_between(connection: Connection, start: float, stop: float, *, limit: int) -> Sequence[MachineRow]:
    """Up to `limit` instances of all pools that ended from `start` to before `stop`, in no order."""
    ended = instances.c.terminated
    return raw_rows(connection, _ROWS.where(ended >= start, ended < stop).limit(limit))


def with_events_since(connection: Connection, received: float) -> Sequence[MachineRow]:
    """The instances of all pools about which an event was received at or after a time."""
    query = select(fleet_events.c.instance).where(fleet_events.c.received >= received).distinct()
    return by_names(connection, [str(name) for name in connection.execute(query).scalars()])


def by_names(connection: Connection, names: Collection[str]) -> Sequence[MachineRow]:
    """The instances with these ids that belong to a pool."""
    rows: list[MachineRow] = []
    for batch in batches(set(names)):
        rows += raw_rows(connection, _ROWS.where(instances.c.instance.in_(batch)))
    return rows


def raw_rows(connection: Connection, query: Select[Any]) -> Sequence[tuple[Any, ...]]:
    """The rows of a query as the driver returns them: SQLAlchemy's row objects take twice the time."""
    cursor: Any = connection.execute(query).cursor
    rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return rows
