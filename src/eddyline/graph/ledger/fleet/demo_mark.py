"""Marks a ledger whose fleet record is a demonstration, and finds real data before it is filled."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Table, delete, insert, select

from eddyline.graph.db.schema import fleet_demo, fleet_events, fleet_samples, instances, jobs, starts, workers


@dataclass(frozen=True, kw_only=True)
class DemoMark:
    """When the demonstration was written (seconds since 1970), and what it shows."""

    created: float
    description: str


def find(connection: Connection) -> DemoMark | None:
    """The mark; None: the fleet record is real, or empty."""
    row = connection.execute(select(fleet_demo).limit(1)).mappings().first()
    return None if row is None else DemoMark(**row)


def mark(connection: Connection, found: DemoMark) -> None:
    """Mark the ledger."""
    connection.execute(delete(fleet_demo))
    connection.execute(insert(fleet_demo), asdict(found))


def tables_in_use(connection: Connection) -> list[str]:
    """The names of the tables with data that a demonstration would be mixed with."""
    checked: tuple[Table, ...] = (instances, fleet_events, fleet_samples, starts, jobs, workers)
    return [
        table.name
        for table in checked
        if connection.execute(select(*list(table.primary_key)[:1]).limit(1)).first() is not None
    ]
