"""Prices of machines in the ledger: On-Demand by type, Spot by type and Availability Zone over time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, func, or_, select, true

from eddyline.graph.db.insert_if_absent import insert_if_absent
from eddyline.graph.db.schema import fleet_prices
from eddyline.graph.ledger.fleet.machine_rows import raw_rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """From `at` on (seconds since 1970), an instance of a type costs this; an empty `zone`: On-Demand."""

    instance_type: str
    zone: str
    at: float
    usd_per_hour: float


def add(connection: Connection, prices: Iterable[Price]) -> None:
    """Store prices; one of the same type, zone and time is kept as it was."""
    insert_if_absent(connection, fleet_prices, [asdict(price) for price in prices])


def find(connection: Connection, start: float, types: Collection[str] | None = None) -> Sequence[Price]:
    """The prices at `start` and the changes since, of some types or all.

    In order of time for each type and zone.
    """
    chosen = true() if types is None else fleet_prices.c.instance_type.in_(sorted(types))
    key = (fleet_prices.c.instance_type, fleet_prices.c.zone)
    before = (
        select(*key, func.max(fleet_prices.c.at).label("at"))
        .where(fleet_prices.c.at <= start, chosen)
        .group_by(*key)
        .subquery()
    )
    joined = fleet_prices.outerjoin(before, (before.c.instance_type == key[0]) & (before.c.zone == key[1]))
    query = (
        select(*key, fleet_prices.c.at, fleet_prices.c.usd_per_hour)
        .select_from(joined)
        .where(or_(before.c.at.is_(None), fleet_prices.c.at >= before.c.at), chosen)
        .order_by(*key, fleet_prices.c.at)
    )
    return [
        Price(instance_type=row[0], zone=row[1], at=float(row[2]), usd_per_hour=float(row[3]))
        for row in raw_rows(connection, query)
    ]


def prune(connection: Connection, before: float) -> int:
    """Delete the prices that were replaced before a time; returns how many."""
    newer = fleet_prices.alias()
    replaced = (
        select(newer.c.at)
        .where(
            newer.c.instance_type == fleet_prices.c.instance_type,
            newer.c.zone == fleet_prices.c.zone,
            newer.c.at > fleet_prices.c.at,
            newer.c.at <= before,
        )
        .exists()
    )
    return int(connection.execute(delete(fleet_prices).where(fleet_prices.c.at < before, replaced)).rowcount)
