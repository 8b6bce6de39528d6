"""Samples of the capacity and load of each pool, one a minute."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, select, text

from eddyline.graph.db.insert_if_absent import insert_if_absent
from eddyline.graph.db.schema import fleet_samples
from eddyline.graph.ledger.fleet.machine_rows import raw_rows
from eddyline.graph.pool_sample import PoolSample

COLUMNS = tuple(field.name for field in fields(PoolSample))


def record(connection: Connection, samples: Sequence[PoolSample]) -> None:
    """Store samples; the first sample of a pool and minute counts."""
    ordered = sorted(samples, key=lambda sample: (sample.minute, sample.pool))  # avoids deadlocks
    rows = [{name: getattr(sample, name) for name in COLUMNS} for sample in ordered]
    insert_if_absent(connection, fleet_samples, rows)


def find(connection: Connection, start: float, stop: float) -> list[PoolSample]:
    """The samples whose minute starts at or after `start` and before `stop`, by minute and pool."""
    minute = fleet_samples.c.minute
    query = select(fleet_samples).where(minute >= start, minute < stop)
    query = query.order_by(minute, fleet_samples.c.pool)
    return [PoolSample(**row) for row in connection.execute(query).mappings()]


def at_minutes(connection: Connection, minutes: Collection[int]) -> Sequence[tuple[Any, ...]]:
    """The samples of these minutes (their starts) as tuples of `COLUMNS`, in no order."""
    # Literals: a list of 2,000 parameters costs more than the query.
    chosen = ", ".join(str(int(minute)) for minute in minutes) or "-1"
    query = select(*(fleet_samples.c[name] for name in COLUMNS))
    return raw_rows(connection, query.where(text(f"minute IN ({chosen})")))
