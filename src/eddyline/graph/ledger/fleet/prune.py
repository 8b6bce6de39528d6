"""Deletes old parts of the fleet record: a few hundred instances in a transaction."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, exists, select

from eddyline.graph.db.schema import fleet_events, fleet_samples, instances
from eddyline.graph.ledger.fleet.instance_locks import lock_instances

_BATCH = 500


def prune_samples(connection: Connection, before: float) -> int:
    """Delete the samples of minutes before a time; returns how many."""
    return int(connection.execute(delete(fleet_samples).where(fleet_samples.c.minute < before)).rowcount)


def prune_ended(connection: Connection, before: float) -> int:
    """Delete up to 500 instances that ended before a time, with their events; returns how many."""
    return _delete(connection, instances.c.terminated < before)


def prune_unattributed(connection: Connection, before: float) -> int:
    """Delete up to 500 instances without a pool whose first event was received before a time."""
    events_of_it = (fleet_events.c.instance == instances.c.instance) & (fleet_events.c.received < before)
    return _delete(connection, (instances.c.pool == "") & exists().where(events_of_it))


def _delete(connection: Connection, condition: ColumnElement[bool]) -> int:
    query = select(instances.c.instance).where(condition).order_by(instances.c.instance).limit(_BATCH)
    names = list(connection.execute(query).scalars())
    lock_instances(connection, names)
    # An event that arrived meanwhile may have given the instance a pool.
    chosen = select(instances.c.instance).where(instances.c.instance.in_(names), condition)
    sure = list(connection.execute(chosen).scalars())
    connection.execute(delete(fleet_events).where(fleet_events.c.instance.in_(sure)))
    connection.execute(delete(instances).where(instances.c.instance.in_(sure)))
    return len(sure)
