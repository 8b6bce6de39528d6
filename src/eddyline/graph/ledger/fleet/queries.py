"""Queries of the fleet record: instances by time, and the jobs that ran on them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from eddyline.graph.db.bulk import batches
from eddyline.graph.db.schema import instances, starts, workers
from eddyline.graph.fleet_event import FleetEvent, FleetEventKind
from eddyline.graph.instance import Instance

_OURS = instances.c.pool != ""


@dataclass(frozen=True, kw_only=True)
class EndedStarts:
    """Starts of jobs by the `lifecycle` ("": not known) and `pool` of their machines and by their outcome."""

    pool: str
    lifecycle: str
    outcome: str
    count: int
    seconds: float


def by_id(connection: Connection, name: str) -> Instance | None:
    """One instance, also one that is not known to belong to a pool."""
    found = _instances(connection, select(instances).where(instances.c.instance == name))
    return found[0] if found else None


def by_names(connection: Connection, names: Collection[str]) -> list[Instance]:
    """The instances with these ids, also those that are not known to belong to a pool."""
    return [
        each
        for batch in batches(set(names))
        for each in _instances(connection, select(instances).where(instances.c.instance.in_(batch)))
    ]


def running(connection: Connection) -> list[Instance]:
    """The instances of all pools that have not ended, by launch."""
    return _instances(connection, select(instances).where(_OURS, instances.c.terminated.is_(None)))


def between(connection: Connection, start: float, stop: float) -> list[Instance]:
    """The instances of all pools that may have run between two times, by launch."""
    begun = or_(instances.c.launched.is_(None), instances.c.launched < stop)
    running_after = or_(instances.c.terminated.is_(None), instances.c.terminated >= start)
    return _instances(connection, select(instances).where(_OURS, begun, running_after))


def _instances(connection: Connection, query: Select[Any]) -> list[Instance]:
    ordered = query.order_by(instances.c.launched, instances.c.instance)
    return [Instance(**row) for row in connection.execute(ordered).mappings()]


def ended_starts(connection: Connection, start: float, stop: float) -> Sequence[EndedStarts]:
    """The starts of jobs that ended between two times."""
    key = (starts.c.pool, func.coalesce(instances.c.lifecycle, ""), starts.c.outcome)
    query = (
        select(*key, func.count(), func.sum(starts.c.ended - starts.c.started))
        .select_from(starts.outerjoin(instances, instances.c.instance == starts.c.instance))
        .where(starts.c.ended >= start, starts.c.ended < stop)
        .group_by(*key)
        .order_by(*key)
    )
    return [
        EndedStarts(pool=row[0], lifecycle=row[1], outcome=row[2], count=int(row[3]), seconds=float(row[4]))
        for row in connection.execute(query)
    ]


def machines_of_workers(connection: Connection) -> list[FleetEvent]:
    """One event for each instance that is the machine of a worker, as the worker described it."""
    machine = workers.c.instance
    # Several workers may run on one machine: the earliest registration is nearest to the launch.
    query = (
        select(
            machine,
            func.max(workers.c.pool).label("pool"),
            func.max(workers.c.instance_type).label("instance_type"),
            func.max(workers.c.zone).label("zone"),
            func.max(workers.c.lifecycle).label("lifecycle"),
            func.max(workers.c.vcpu).label("vcpu"),
            func.min(workers.c.registered).label("registered"),
        )
        .where(machine != "", workers.c.proven)
        .group_by(machine)
        .order_by(machine)
    )
    return [
        FleetEvent(
            id=f"worker/{row.instance}",
            instance=row.instance,
            kind=FleetEventKind.WORKER,
            at=row.registered,
            launched=row.registered,
            pool=row.pool,
            instance_type=row.instance_type,
            zone=row.zone,
            lifecycle=row.lifecycle,
            vcpu=row.vcpu,
        )
        for row in connection.execute(query)
    ]
