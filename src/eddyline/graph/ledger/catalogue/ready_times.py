"""How long assets took from their submission until they were ready."""

from __future__ import annotations

from sqlalchemy import Connection, select

from eddyline.graph.db.library_schema import assets, events
from eddyline.graph.ledger.fleet.machine_rows import raw_rows


def ready_times(connection: Connection, start: float, stop: float) -> list[float]:
    """The seconds of the assets that became ready from `start` to before `stop`, ascending.

    Of those whose events are kept (at most 7 days and 100,000 events), and that were not deleted since.
    """
    query = (
        select(events.c.at - assets.c.created)
        .select_from(events.join(assets, assets.c.asset == events.c.asset))
        .where(events.c.kind == "asset.ready", events.c.at >= start, events.c.at < stop)
    )
    return sorted(max(float(row[0]), 0.0) for row in raw_rows(connection, query))
