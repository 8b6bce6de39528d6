"""Stores events about instances, and folds all events about each of them to its row, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, select

from eddyline.graph.db.bulk import batches
from eddyline.graph.db.insert_if_absent import insert_if_absent
from eddyline.graph.db.schema import fleet_events, instances
from eddyline.graph.fleet_event import FleetEvent
from eddyline.graph.instance import Instance
from eddyline.graph.ledger.fleet.instance_locks import lock_instances

Fold: TypeAlias = Callable[[Sequence[FleetEvent]], Instance]
"""The row of an instance from all events about it; must not depend on their order."""

MAX_EVENTS = 1000
"""Of one instance. Real ones have less than ten; anybody who may send to the queue could send more."""

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_STORED = select(fleet_events.c.id).where(fleet_events.c.id.in_(_IDS))
_OF_INSTANCES = select(fleet_events.c.instance, fleet_events.c.body).where(fleet_events.c.instance.in_(_IDS))
_COUNTS = (
    select(fleet_events.c.instance, func.count())
    .where(fleet_events.c.instance.in_(_IDS))
    .group_by(fleet_events.c.instance)
)
_REMOVE = delete(instances).where(instances.c.instance.in_(_IDS))


def store(connection: Connection, events: Sequence[FleetEvent], *, fold: Fold, now: float) -> int:
    """Store the events that are new, and fold their instances again; returns how many were new."""
    lock_instances(connection, {event.instance for event in events})
    stored = stored_ids(connection, {event.id for event in events})
    full = _full_instances(connection, {event.instance for event in events})
    new = {event.id: event for event in events if event.id not in stored and event.instance not in full}
    rows = [
        {
            "id": event.id,
            "instance": event.instance,
            "kind": str(event.kind),
            "at": event.at,
            "received": now,
            "body": event.to_json(),
        }
        for event in new.values()
    ]
    insert_if_absent(connection, fleet_events, sorted(rows, key=lambda row: str(row["id"])))
    _fold(connection, {event.instance for event in new.values()}, fold)
    return len(new)


def stored_ids(connection: Connection, ids: Collection[str]) -> set[str]:
    """Those of the event ids that are stored."""
    return {
        str(found)
        for batch in batches(ids)
        for found in connection.execute(_STORED, {"ids": batch}).scalars()
    }


def _full_instances(connection: Connection, names: Collection[str]) -> set[str]:
    """The instances with so many events that more are not stored: folding them would take ever longer."""
    return {
        str(name)
        for batch in batches(names)
        for name, count in connection.execute(_COUNTS, {"ids": batch})
        if count >= MAX_EVENTS
    }


def _fold(connection: Connection, names: Collection[str], fold: Fold) -> None:
    for batch in batches(names):
        folded = [asdict(fold(events)) for events in _events(connection, batch).values()]
        connection.execute(_REMOVE, {"ids": batch})
        if folded:
            connection.execute(insert(instances), folded)


def _events(connection: Connection, names: Collection[str]) -> Mapping[str, Sequence[FleetEvent]]:
    found: dict[str, list[FleetEvent]] = defaultdict(list)
    for name, body in connection.execute(_OF_INSTANCES, {"ids": sorted(names)}):
        event = FleetEvent.from_json(body)
        if event is not None:
            found[name].append(event)
    return found
