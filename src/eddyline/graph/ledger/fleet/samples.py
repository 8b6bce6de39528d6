"""Samples of the capacity and load of each pool, one a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, select

from eddyline.graph.db.insert_if_absent import insert_if_absent
from eddyline.graph.db.schema import fleet_samples
from eddyline.graph.pool_sample import PoolSample


def record(connection: Connection, samples: Sequence[PoolSample]) -> None:
    """Store samples; the first sample of a pool and minute counts."""
    ordered = sorted(samples, key=lambda sample: (sample.minute, sample.pool))  # avoids deadlocks
    insert_if_absent(connection, fleet_samples, [asdict(sample) for sample in ordered])


def find(connection: Connection, start: float, stop: float) -> list[PoolSample]:
    """The samples whose minute starts at or after `start` and before `stop`, by minute and pool."""
    minute = fleet_samples.c.minute
    query = select(fleet_samples).where(minute >= start, minute < stop)
    query = query.order_by(minute, fleet_samples.c.pool)
    return [PoolSample(**row) for row in connection.execute(query).mappings()]
