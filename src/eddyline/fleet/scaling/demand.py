"""The capacity that the work of a pool needs, and the metrics that say so. Pure.

The capacity wanted has two parts: the rate at which work arrives, and what does the work that is due or
running within the pool's target time `T` (`target_backlog_s`):

    wanted = arrivals + work / T          BacklogSecondsPerVcpu = T x (wanted - on-demand base) / Spot vCPU

The second part alone would make target tracking oscillate: at constant load it is 0 as soon as the capacity
suffices, capacity is scaled in, and work accumulates again. With the first part the metric is at its target
where capacity equals arrivals, and inversely proportional to the Spot capacity, as target tracking requires;
except that it is at its target also where up to `TOLERANCE` more is wanted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from eddyline.fleet.scaling import metric_names
from eddyline.fleet.scaling.bounds import TOLERANCE, Bounds
from eddyline.fleet.scaling.purchase import spot_shortfall
from eddyline.fleet.scaling.work_rates import WorkRates
from eddyline.graph.pool_load import Instances, Load, RunningWork, Workers
from eddyline.graph.pool_sample import PoolSample

ARRIVAL_WINDOW_S = 1800.0
"""The time over which arrivals are averaged: long against bursts, short against the hours of a day."""

_MIN_WINDOW_S = 120.0
_LEAST_REMAINING = 0.1  # of running jobs: those that take longer than others of their kind are not done yet
_MOST_VCPU = 10**9  # fits in a column; capacity is bounded by the groups


@dataclass(frozen=True, kw_only=True)
class PoolDemand:
    """One pool in one minute: the `sample` for the ledger, and the metrics' values by name.

    A metric that is undefined, such as a ratio to no capacity, has no value.
    """

    sample: PoolSample
    metrics: Mapping[str, float]


def pool_demand(
    pool: str,
    load: Load,
    *,
    slot_vcpu: float,
    bounds: Bounds,
    rates: WorkRates,
    history: Sequence[PoolSample],
    minute: int,
    decided_at: float | None = None,
) -> PoolDemand:
    """The demand of `pool` at the time of `load`; `history` are its earlier samples in order of time.

    `decided_at`: when the scaler of coordinators last decided about it (None: not, or AWS scales it).
    """
    due = [each for each in load.due if each.pool == pool]
    running = [each for each in load.running if each.pool == pool]
    work = slot_vcpu * (
        sum(rates.seconds(pool, each.kind, each.weight) for each in due)
        + sum(remaining_s(each, rates) for each in running)
    )
    busy = sum(each.jobs for each in running)
    arrivals = arrival_vcpu(history, work=work, busy_vcpu=busy * slot_vcpu, slot_vcpu=slot_vcpu, now=load.at)
    wanted = min(arrivals + work / bounds.target_backlog_s, float(_MOST_VCPU))
    capacity = _Capacity.of(pool, load, slot_vcpu)
    sample = PoolSample(
        minute=minute,
        pool=pool,
        spot_vcpu=capacity.spot_provided,
        on_demand_vcpu=capacity.on_demand_provided,
        spot_instances=capacity.spot_instances,
        on_demand_instances=capacity.on_demand_instances,
        slots=capacity.slots,
        busy_slots=busy,
        due_jobs=sum(each.jobs for each in due),
        backlog_vcpu_s=work if rates.is_measured(pool) or not (due or running) else None,
        oldest_due_s=max((each.oldest_s for each in due), default=0.0),
        wanted_vcpu=math.ceil(wanted),
    )
    shortfall = spot_shortfall((*history, sample), bounds, now=load.at)
    sample = replace(sample, spot_shortfall_vcpu=shortfall)
    metrics = _metrics(sample, wanted, capacity, bounds)
    if decided_at is not None and not bounds.scaled_by_aws:
        metrics[metric_names.DECISION_AGE.name] = max(load.at - decided_at, 0.0)
    return PoolDemand(sample=sample, metrics=metrics)


def arrival_vcpu(
    history: Sequence[PoolSample], *, work: float, busy_vcpu: float, slot_vcpu: float, now: float
) -> float:
    """The vCPU that keep up with the work that arrives, as the mean of the last half hour.

    What arrived is what was done (the busy slots over time) plus the growth of the work that is left. With
    too short a history, the present use of slots.
    """
    known = [
        sample
        for sample in history
        if now - ARRIVAL_WINDOW_S <= sample.minute <= now - _MIN_WINDOW_S
        and sample.backlog_vcpu_s is not None
    ]
    if not known:
        return busy_vcpu
    first = known[0]
    between = [sample for sample in history if first.minute < sample.minute < now]
    # The trapezoidal rule: the first and the last reading stand for half an interval each.
    slots = first.busy_slots / 2 + sum(sample.busy_slots for sample in between)
    done = (slot_vcpu * slots + busy_vcpu / 2) / (len(between) + 1)
    return max(done + (work - (first.backlog_vcpu_s or 0.0)) / (now - first.minute), 0.0)


def remaining_s(running: RunningWork, rates: WorkRates) -> float:
    """The seconds for which running jobs of one kind will still occupy their slots, together."""
    total = rates.seconds(running.job_pool, running.kind, running.weight)
    return max(total - running.elapsed_s, _LEAST_REMAINING * total)


@dataclass(frozen=True, kw_only=True)
class _Capacity:
    """Capacity in vCPU.

    In service: of live workers. Provided: also of instances that boot. Expected: also of instances that
    should be ready; Auto Scaling counts those, whether or not their worker ever starts, and a ratio to less
    would start more and more of them.
    """

    spot_in_service: int
    on_demand_in_service: int
    spot_expected: int
    spot_provided: int
    on_demand_provided: int
    spot_instances: int
    on_demand_instances: int
    slots: int

    @classmethod
    def of(cls, pool: str, load: Load, slot_vcpu: float) -> _Capacity:
        workers = {each.spot: each for each in load.workers if each.pool == pool}
        recorded = {each.spot: each for each in load.instances if each.pool == pool}
        in_service = {spot: _vcpu(workers.get(spot), slot_vcpu) for spot in (True, False)}
        provided = {spot: max(in_service[spot], _recorded(recorded.get(spot))) for spot in (True, False)}
        return cls(
            spot_in_service=in_service[True],
            on_demand_in_service=in_service[False],
            spot_expected=max(in_service[True], recorded[True].old_vcpu if True in recorded else 0),
            spot_provided=provided[True],
            on_demand_provided=provided[False],
            spot_instances=_count(workers.get(True), recorded.get(True)),
            on_demand_instances=_count(workers.get(False), recorded.get(False)),
            slots=sum(each.slots for each in workers.values()),
        )


def _vcpu(workers: Workers | None, slot_vcpu: float) -> int:
    return workers.vcpu + math.ceil(workers.slots_without_vcpu * slot_vcpu) if workers else 0


def _recorded(instances: Instances | None) -> int:
    return instances.vcpu if instances else 0


def _count(workers: Workers | None, instances: Instances | None) -> int:
    return max(workers.instances if workers else 0, instances.instances if instances else 0)


def _metrics(sample: PoolSample, wanted: float, capacity: _Capacity, bounds: Bounds) -> dict[str, float]:
    in_service = capacity.spot_in_service + capacity.on_demand_in_service
    values = {
        metric_names.OLDEST_DUE_JOB.name: sample.oldest_due_s,
        metric_names.WANTED.name: float(sample.wanted_vcpu or 0),
        metric_names.SPOT_SHORTFALL.name: float(sample.spot_shortfall_vcpu),
        metric_names.IN_SERVICE.name: float(in_service),
        metric_names.SPOT_IN_SERVICE.name: float(capacity.spot_in_service),
        metric_names.BUSY_SLOTS.name: float(sample.busy_slots),
        metric_names.SLOTS.name: float(sample.slots),
    }
    if in_service:
        values[metric_names.SPOT_SHARE.name] = 100.0 * capacity.spot_in_service / in_service
    if capacity.spot_expected:
        ratio = max(wanted - bounds.on_demand_min, 0.0) / capacity.spot_expected
        in_band = 1 <= ratio <= 1 + TOLERANCE
        values[metric_names.BACKLOG.name] = bounds.target_backlog_s * (1.0 if in_band else ratio)
    return values
