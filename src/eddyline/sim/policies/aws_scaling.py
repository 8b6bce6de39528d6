"""Scaling by AWS: Eddyline's metrics, target tracking and step policies, and two Auto Scaling groups.

The metrics are computed by the code of the coordinators (`fleet/scaling/demand.py`), the policies and
alarms are those that Terraform creates (`policies.py`), and the model of what AWS does with them is the one
that `fleet/scaling/model` tests. Capacities are in vCPU, as in the groups.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence

from eddyline.fleet.scaler.rules import PoolReading, WorkReading
from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.demand import ARRIVAL_WINDOW_S, pool_demand
from eddyline.fleet.scaling.model.alarm_model import AlarmModel, AlarmState
from eddyline.fleet.scaling.model.group import IN_SERVICE_S
from eddyline.fleet.scaling.model.step_scaling import stepped_capacity
from eddyline.fleet.scaling.model.target_tracking import tracked_capacity, tracking_alarms
from eddyline.fleet.scaling.policies import WARMUP_S, pool_scaling
from eddyline.fleet.scaling.work_rates import WorkRates
from eddyline.graph.pool_load import DueWork, EndedStart, Instances, Load, RunningWork, Workers
from eddyline.graph.pool_sample import PoolSample
from eddyline.sim.engine.control import FleetControl
from eddyline.sim.engine.instance import Offer
from eddyline.sim.policies.allocation import Strategy, allocation_order

_POOL, _KIND = "pool", "chunk"
_MINUTE_S = 60.0
_START = 1_800_000_000  # any start of a minute


class _Group:
    """One Auto Scaling group, in vCPU: its desired capacity, and the launches that still warm up."""

    def __init__(self, *, spot: bool, most: int) -> None:
        self.spot = spot
        self.most = most
        self.desired = 0
        self.shrinks = False
        self._launches: deque[tuple[float, int]] = deque()

    def launched(self, now: float, vcpu: int) -> None:
        self._launches.append((now, vcpu))

    def warming(self, now: float) -> int:
        """The vCPU that were launched within the time until an instance counts."""
        while self._launches and self._launches[0][0] <= now - IN_SERVICE_S - WARMUP_S:
            self._launches.popleft()
        return sum(vcpu for _, vcpu in self._launches)

    def scale_to(self, capacity: int, now: float) -> None:
        """Set the desired capacity; no scale-in starts while instances warm up."""
        wanted = min(max(capacity, 0), self.most)
        if wanted > self.desired or not self.warming(now):
            self.shrinks = wanted < self.desired
            self.desired = wanted


class AwsScalingPolicy:
    """Decides each minute. `bounds` are those of the pool; `strategy` is that of the Spot group."""

    every_s = _MINUTE_S

    def __init__(
        self, bounds: Bounds, offers: Sequence[Offer], *, strategy: Strategy, job_s: float, seed: int
    ) -> None:
        self._bounds = bounds
        self._offers = offers
        self._strategy: Strategy = strategy
        self._job_s = job_s
        self._rng = random.Random(f"{seed}/allocation")  # noqa: S311 - a simulation must be repeatable
        self._scaling = pool_scaling(bounds)
        self._high, self._low = (AlarmModel(each) for each in tracking_alarms(self._scaling.target_tracking))
        self._steps = [(policy, AlarmModel(policy.alarm)) for policy in self._scaling.steps]
        self._groups = {
            "spot": _Group(spot=True, most=bounds.spot_max),
            "od": _Group(spot=False, most=bounds.on_demand_max),
        }
        self._history: deque[PoolSample] = deque()

    def tick(self, fleet: FleetControl, now: float) -> None:
        """One minute: metrics, alarms and policies, then launches and scale-in."""
        work, pools = fleet.work(), fleet.pools()
        provided = {name: self._vcpu(pools, spot=group.spot) for name, group in self._groups.items()}
        metrics = self._metrics(work, pools, now, provided)
        self._apply_policies(metrics, now, provided)
        for name, group in self._groups.items():
            self._reconcile(fleet, group, provided[name], now)

    def _vcpu(self, pools: Sequence[PoolReading], *, spot: bool, ready: bool = False) -> int:
        pairs = zip(pools, self._offers, strict=True)
        return sum(
            (pool.ready + (0 if ready else pool.booting)) * offer.vcpu
            for pool, offer in pairs
            if offer.spot is spot
        )

    def _metrics(
        self, work: WorkReading, pools: Sequence[PoolReading], now: float, provided: Mapping[str, int]
    ) -> Mapping[str, float]:
        """What a coordinator reads from the ledger and publishes."""
        at = _START + now
        power = sum(pool.ready * pool.power for pool in pools)
        slots = sum(pool.ready * offer.slots for pool, offer in zip(pools, self._offers, strict=True))
        vcpu = sum(pool.ready * offer.vcpu for pool, offer in zip(pools, self._offers, strict=True))
        speed = power / slots if slots else 1.0
        slot_vcpu = vcpu / slots if slots else float(self._offers[0].vcpu / self._offers[0].slots)
        rates = WorkRates()
        rates.measure([EndedStart(pool=_POOL, kind=_KIND, weight=1.0, seconds=1.0 / speed)])
        busy = round(work.busy / speed)
        waiting = work.waiting
        workers = tuple(
            Workers(
                pool=_POOL,
                spot=spot,
                workers=0,
                instances=0,
                vcpu=self._vcpu(pools, spot=spot, ready=True),
                slots=slots if spot else 0,
                slots_without_vcpu=0,
            )
            for spot in (True, False)
        )
        instances = tuple(
            Instances(
                pool=_POOL,
                spot=group.spot,
                instances=0,
                vcpu=provided[name],
                old_vcpu=max(provided[name] - group.warming(now), 0),
            )
            for name, group in self._groups.items()
        )
        load = Load(
            at=at,
            due=(
                DueWork(
                    pool=_POOL,
                    kind=_KIND,
                    jobs=max(round(waiting / self._job_s), 1),
                    weight=waiting,
                    oldest_s=work.oldest_s,
                ),
            )
            if waiting
            else (),
            running=(
                RunningWork(
                    pool=_POOL,
                    job_pool=_POOL,
                    kind=_KIND,
                    jobs=busy,
                    weight=busy * self._job_s,
                    elapsed_s=busy * self._job_s / speed / 2,
                ),
            )
            if busy
            else (),
            workers=workers,
            instances=instances,
        )
        demand = pool_demand(
            _POOL,
            load,
            slot_vcpu=slot_vcpu,
            bounds=self._bounds,
            rates=rates,
            history=tuple(self._history),
            minute=round(at),
        )
        self._history.append(demand.sample)
        kept_s = max(ARRIVAL_WINDOW_S, self._bounds.on_demand_after_s) + 2 * _MINUTE_S
        while self._history[0].minute < at - kept_s:
            self._history.popleft()
        return demand.metrics

    def _apply_policies(self, metrics: Mapping[str, float], now: float, provided: Mapping[str, int]) -> None:
        """Run the policies whose alarms are in ALARM; of several, the largest capacity counts."""
        for model in (self._high, self._low, *(alarm for _, alarm in self._steps)):
            model.update(dict(metrics))
        proposals: dict[str, list[int]] = {"spot": [], "od": []}
        tracking = self._scaling.target_tracking
        value = metrics.get(tracking.metric.name)
        spot = self._groups["spot"]
        warm = {
            name: provided[name] - min(group.warming(now), provided[name])
            for name, group in self._groups.items()
        }
        for model, capacity in ((self._high, warm["spot"]), (self._low, provided["spot"])):
            if model.state is AlarmState.ALARM and value is not None:
                wanted = tracked_capacity(capacity, value, tracking.target)
                if (wanted > spot.desired) is (model is self._high):
                    proposals["spot"].append(wanted)
        for policy, model in self._steps:
            if model.state is AlarmState.ALARM and model.value is not None:
                group = self._groups[policy.purchase]
                scales_in = policy.steps[0].adjustment < 0
                capacity = provided[policy.purchase] if scales_in else warm[policy.purchase]
                wanted = stepped_capacity(policy, model.value, capacity)
                if policy.adjustment_type == "ExactCapacity" or (wanted < group.desired) is scales_in:
                    proposals[policy.purchase].append(wanted)
        for name, found in proposals.items():
            if found:
                self._groups[name].scale_to(max(found), now)

    def _reconcile(self, fleet: FleetControl, group: _Group, provided: int, now: float) -> None:
        """Launch up to the desired capacity, or scale in after it was lowered."""
        missing = group.desired - provided
        if missing > 0:
            tried: set[int] = set()
            while missing > 0:
                order = allocation_order(self._offers, self._strategy, self._rng, spot=group.spot)
                number = next((each for each in order if each not in tried), None)
                if number is None:
                    return
                if fleet.launch(number, 1):
                    missing -= self._offers[number].vcpu
                    group.launched(now, self._offers[number].vcpu)
                else:
                    tried.add(number)
        elif group.shrinks:
            group.shrinks = False
            own = [offer for offer in self._offers if offer.spot is group.spot]
            per_vcpu = sum(offer.power for offer in own) / sum(offer.vcpu for offer in own)
            fleet.drain(-missing * per_vcpu, spot=group.spot)
