"""What the workers on each instance do, and how often Spot Instances were interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, literal_column, select

from eddyline.graph.db.schema import instances, jobs, workers
from eddyline.graph.instance import INTERRUPTION, SPOT
from eddyline.graph.ledger.rows import IS_RUNNING


@dataclass(frozen=True, kw_only=True)
class InstanceLoad:
    """The slots of the live workers on an instance, and how many of them run jobs."""

    slots: int
    busy: int


@dataclass(frozen=True, kw_only=True)
class SpotHistory:
    """Interruptions of Spot Instances in some instance-hours."""

    interrupted: int
    hours: float


def instance_loads(connection: Connection, now: float) -> dict[str, InstanceLoad]:
    """The load of each instance with a worker whose lease is valid, by its id."""
    running = (
        select(jobs.c.lease_owner, func.count().label("jobs"))
        .where(IS_RUNNING)
        .group_by(jobs.c.lease_owner)
        .subquery()
    )
    query = (
        select(
            workers.c.instance,
            func.sum(func.coalesce(workers.c.slots, 0)),
            func.sum(func.coalesce(running.c.jobs, 0)),
        )
        .select_from(workers.outerjoin(running, running.c.lease_owner == workers.c.name))
        .where(
            workers.c.proven.is_(True),
            workers.c.deadline >= now,
            workers.c.instance != literal_column("''"),
        )
        .group_by(workers.c.instance)
    )
    return {
        str(row[0]): InstanceLoad(slots=int(row[1]), busy=int(row[2])) for row in connection.execute(query)
    }


def type_vcpu(connection: Connection) -> dict[str, int]:
    """The vCPU of each instance type in the fleet record, where it is known."""
    query = (
        select(instances.c.instance_type, func.max(instances.c.vcpu))
        .where(instances.c.vcpu.is_not(None), instances.c.instance_type != literal_column("''"))
        .group_by(instances.c.instance_type)
    )
    return {str(row[0]): int(row[1]) for row in connection.execute(query)}


def spot_history(connection: Connection, start: float, now: float) -> Mapping[tuple[str, str], SpotHistory]:
    """The Spot Instances that ran between two times, by type and zone, of all pools together."""
    seen = instances.c
    end = case((seen.terminated.is_(None), now), (seen.terminated > now, now), else_=seen.terminated)
    begin = case((seen.launched < start, start), else_=seen.launched)
    interrupted = case((seen.ended_by == INTERRUPTION, 1), else_=0)
    query = (
        select(seen.instance_type, seen.zone, func.sum(interrupted), func.sum(end - begin))
        .where(
            seen.lifecycle == SPOT,
            seen.pool != "",
            seen.launched.is_not(None),
            seen.launched < now,
            seen.terminated.is_(None) | (seen.terminated >= start),
        )
        .group_by(seen.instance_type, seen.zone)
    )
    return {
        (str(row[0]), str(row[1])): SpotHistory(
            interrupted=int(row[2] or 0), hours=max(float(row[3] or 0.0), 0.0) / 3600.0
        )
        for row in connection.execute(query)
    }
