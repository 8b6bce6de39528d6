"""The state of the machines of a fleet, for `eddyline fleet status`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from eddyline.fleet.pool_coverage import pool_of_worker
from eddyline.fleet.pools import Pools
from eddyline.graph.instance import SPOT, Instance
from eddyline.graph.ledger import commands
from eddyline.graph.ledger.fleet import load, queries, samples, scaler_decisions
from eddyline.graph.ledger.fleet.scaler_decisions import PoolDecision
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.queries import WorkerRow, list_workers
from eddyline.graph.pool_load import Load
from eddyline.graph.pool_sample import PoolSample

_FRESH_S = 180.0  # a sample older than that says nothing about now


@dataclass(frozen=True, kw_only=True)
class EndingInstance:
    """A running instance whose end is announced; `at` is the time of the notice, `workers` are on it."""

    instance: str
    pool: str
    reason: str
    at: float
    workers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PoolStatus:
    """One pool. Instances and their vCPU are those of the fleet record; slots those of its live workers.

    `vcpu_unknown` of the instances have no known vCPU. `draining` workers are on an instance whose end is
    announced, or have a drain command that is not delivered. `backlog_vcpu_s` is the work in due and running
    jobs in seconds of one vCPU, `wanted_vcpu` the capacity for it and `spot_shortfall_vcpu` what of it Spot
    has not provided; None without a sample of the last minutes. `decision` is the last one of the scaler
    about a pool with `scaling: eddyline`.
    """

    pool: str
    spot_instances: int
    on_demand_instances: int
    spot_vcpu: int
    on_demand_vcpu: int
    vcpu_unknown: int
    workers: int
    draining: int
    slots: int
    busy_slots: int
    due_jobs: int
    oldest_due_s: float
    backlog_vcpu_s: float | None
    wanted_vcpu: int | None
    spot_shortfall_vcpu: int | None
    ending: int
    decision: PoolDecision | None = None


@dataclass(frozen=True, kw_only=True)
class FleetStatus:
    """The status at `at` (seconds since 1970)."""

    at: float
    pools: tuple[PoolStatus, ...]
    ending: tuple[EndingInstance, ...]


@dataclass(frozen=True, kw_only=True)
class _Readings:
    """What was read in one transaction."""

    load: Load
    running: Sequence[Instance]
    workers: Sequence[WorkerRow]
    samples: Mapping[str, PoolSample]
    commanded: Collection[str]
    ending: Sequence[EndingInstance] = field(default_factory=tuple)
    decisions: Mapping[str, PoolDecision] = field(default_factory=dict)


def read_fleet_status(ledger: Ledger, pools: Pools) -> FleetStatus:
    """Read the status of all pools of pools.yaml, and of other pools with machines or due jobs."""
    now = ledger.now()

    def read(connection: Connection) -> _Readings:
        running = queries.running(connection)
        alive = [each for each in list_workers(connection) if each.proven and each.deadline >= now]
        return _Readings(
            load=load.read_load(connection, now, ready_after_s=0.0),
            running=running,
            workers=alive,
            samples={each.pool: each for each in samples.find(connection, now - _FRESH_S, now + 1)},
            commanded=commands.draining(connection),
            ending=[_ending(each, alive) for each in running if _notices(each)],
            decisions={
                name: each
                for name, each in scaler_decisions.find(connection).items()
                if name in pools.pools and pools[name].capacity.scaling == "eddyline"
            },
        )

    found = ledger.read(read)
    named = (*(each.pool for each in found.running), *(each.pool for each in found.load.due))
    names = dict.fromkeys((*pools.pools, *sorted(set(named))))
    return FleetStatus(
        at=now, pools=tuple(_pool_status(name, found) for name in names), ending=tuple(found.ending)
    )


def _notices(instance: Instance) -> list[tuple[float, str]]:
    """When the end of an instance was announced, and why."""
    found = ((instance.warned_at, "interruption warning"), (instance.scale_in_at, "scale-in"))
    return sorted((at, reason) for at, reason in found if at is not None)


def _ending(instance: Instance, workers: Sequence[WorkerRow]) -> EndingInstance:
    at, reason = _notices(instance)[0]
    names = tuple(each.name for each in workers if each.machine.instance == instance.instance)
    return EndingInstance(instance=instance.instance, pool=instance.pool, reason=reason, at=at, workers=names)


def _pool_status(name: str, found: _Readings) -> PoolStatus:
    spot = [each for each in found.running if each.pool == name and each.lifecycle == SPOT]
    others = [each for each in found.running if each.pool == name and each.lifecycle != SPOT]
    workers = [each for each in found.workers if (each.machine.pool or pool_of_worker(each.name)) == name]
    ending = [each for each in found.ending if each.pool == name]
    draining = {*found.commanded} | {worker for each in ending for worker in each.workers}
    due = [each for each in found.load.due if each.pool == name]
    sample = found.samples.get(name)
    return PoolStatus(
        pool=name,
        spot_instances=len(spot),
        on_demand_instances=len(others),
        spot_vcpu=sum(each.vcpu or 0 for each in spot),
        on_demand_vcpu=sum(each.vcpu or 0 for each in others),
        vcpu_unknown=sum(each.vcpu is None for each in (*spot, *others)),
        workers=len(workers),
        draining=sum(each.name in draining for each in workers),
        slots=sum(each.machine.slots or 0 for each in workers),
        busy_slots=sum(each.jobs for each in found.load.running if each.pool == name),
        due_jobs=sum(each.jobs for each in due),
        oldest_due_s=max((each.oldest_s for each in due), default=0.0),
        backlog_vcpu_s=sample.backlog_vcpu_s if sample else None,
        wanted_vcpu=sample.wanted_vcpu if sample else None,
        spot_shortfall_vcpu=sample.spot_shortfall_vcpu if sample else None,
        ending=len(ending),
        decision=found.decisions.get(name),
    )
