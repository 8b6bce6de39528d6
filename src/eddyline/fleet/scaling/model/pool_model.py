"""A pool over time: work arrives, workers do it, a coordinator publishes, and AWS' policies change capacity.

Work is a quantity, in seconds of one vCPU, and flows in minutes; the demand is computed by the code of
coordinators. Nothing here knows the future: market and faults are functions of the minute.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.demand import ARRIVAL_WINDOW_S, pool_demand
from eddyline.fleet.scaling.model.alarm_model import AlarmModel, AlarmState
from eddyline.fleet.scaling.model.group import GroupModel, ModelInstance
from eddyline.fleet.scaling.model.step_scaling import stepped_capacity
from eddyline.fleet.scaling.model.target_tracking import tracked_capacity, tracking_alarms
from eddyline.fleet.scaling.policies import WARMUP_S, StepScaling, pool_scaling
from eddyline.fleet.scaling.work_rates import WorkRates
from eddyline.graph.pool_load import DueWork, EndedStart, Instances, Load, RunningWork, Workers
from eddyline.graph.pool_sample import PoolSample

MINUTE_S = 60
_POOL = "pool"
_KIND = "chunk"
_START = 1_800_000_000  # any start of a minute
_DONE = 1e-6  # vCPU seconds


@dataclass(frozen=True, kw_only=True)
class World:
    """What surrounds the pool, by minute: the work that arrives (vCPU seconds), Spot capacity (vCPU), faults.

    `weights`: the vCPU of instance types, of which one is chosen at random for each launch. `boot_s`: from
    launch to ready. `job_s`, `slot_vcpu`: of a job. `workers_fail`: instances launched in such a minute never
    get a working container. `rebalance`: all Spot Instances get a recommendation.
    """

    arrivals: Callable[[int], float]
    spot_vcpu: Callable[[int], int] = lambda _minute: 10**9
    metrics_lost: Callable[[int], bool] = lambda _minute: False
    workers_fail: Callable[[int], bool] = lambda _minute: False
    rebalance: Callable[[int], bool] = lambda _minute: False
    weights: tuple[int, ...] = (32, 48, 64)
    boot_s: float = 200.0
    job_s: float = 40.0
    hook_s: float = 900.0
    slot_vcpu: float = 2.0


@dataclass(frozen=True, kw_only=True)
class Minute:
    """What happened in one minute; capacities in vCPU, times in seconds. `alarms` are the notifications."""

    minute: int
    load_vcpu: float
    wanted: int | None
    desired: int
    on_demand_desired: int
    serving: int
    on_demand_serving: int
    provided: int
    on_demand_provided: int
    backlog_vcpu_s: float
    oldest_s: float
    interrupted_vcpu_s: float
    alarms: frozenset[str]


class PoolModel:
    """One pool; `tick` advances it by a minute. The same `rng` seed gives the same course."""

    def __init__(self, bounds: Bounds, world: World, rng: random.Random) -> None:
        self._bounds = bounds
        self._world = world
        self._scaling = pool_scaling(bounds)
        self._minute = 0
        self._queue: deque[list[float]] = deque()  # the minute of arrival and the work that is left
        self._history: deque[PoolSample] = deque()
        self._rates = WorkRates()
        self._rates.measure([EndedStart(pool=_POOL, kind=_KIND, weight=1.0, seconds=1.0)])
        self._broken: set[ModelInstance] = set()
        group = partial(
            GroupModel,
            weigh=lambda: rng.choice(world.weights),
            boot_s=world.boot_s,
            drain_s=world.job_s,
            hook_s=world.hook_s,
        )
        spot, on_demand = self._scaling.groups
        self.spot = group(group=spot, launch=self._launch_spot)
        self.on_demand = group(group=on_demand, launch=lambda _vcpu: True)
        self._high, self._low = (AlarmModel(each) for each in tracking_alarms(self._scaling.target_tracking))
        self._steps = [(policy, AlarmModel(policy.alarm)) for policy in self._scaling.steps]
        self._notifications = [
            AlarmModel(alarm) for alarm in self._scaling.notifications if alarm.period_s == MINUTE_S
        ]

    def run(self, minutes: int) -> list[Minute]:
        """Advance by some minutes."""
        return [self.tick() for _ in range(minutes)]

    def tick(self) -> Minute:
        """One minute: market, work, metrics, alarms and policies, then launches and terminations."""
        now = float(_START + MINUTE_S * self._minute)
        self._reclaim(now)
        arrived = self._world.arrivals(self._minute)
        self._queue.append([now, arrived])
        interrupted = self._redo_interrupted(now)
        busy_vcpu = self._work(now)
        metrics, sample = self._publish(now, busy_vcpu)
        alarms = self._update_alarms(metrics)
        self._apply_policies(now, metrics)
        for group in (self.spot, self.on_demand):
            known = set(group.instances)
            group.reconcile(now)
            if self._world.workers_fail(self._minute):
                self._broken |= set(group.instances) - known
        self._minute += 1
        return Minute(
            minute=self._minute - 1,
            load_vcpu=arrived / MINUTE_S,
            wanted=sample.wanted_vcpu if sample else None,
            desired=self.spot.desired,
            on_demand_desired=self.on_demand.desired,
            serving=self._serving(self.spot, now),
            on_demand_serving=self._serving(self.on_demand, now),
            provided=self.spot.provided_vcpu(),
            on_demand_provided=self.on_demand.provided_vcpu(),
            backlog_vcpu_s=self._backlog(),
            oldest_s=self._oldest_s(now),
            interrupted_vcpu_s=interrupted,
            alarms=alarms,
        )

    # The Spot market

    def _launch_spot(self, vcpu: int) -> bool:
        running = sum(each.vcpu for each in self.spot.instances)
        return running + vcpu <= self._world.spot_vcpu(self._minute)

    def _reclaim(self, now: float) -> None:
        """Interrupt instances until the rest fits into the market."""
        excess = self.spot.provided_vcpu() - self._world.spot_vcpu(self._minute)
        for instance in self.spot.remaining():
            if excess <= 0:
                break
            self.spot.interrupt(instance, now)
            excess -= instance.vcpu
        if self._world.rebalance(self._minute) and self.spot.group.capacity_rebalance:
            # AWS launches a replacement, and terminates the instance once that is ready.
            for instance in self.spot.remaining():
                self.spot.interrupt(instance, now)

    # Work

    def _serving(self, group: GroupModel, now: float) -> int:
        return sum(each.vcpu for each in group.instances if each.serves(now) and each not in self._broken)

    def _work(self, now: float) -> float:
        """Do the work of this minute, the oldest first; returns the busy vCPU."""
        room = MINUTE_S * float(self._serving(self.spot, now) + self._serving(self.on_demand, now))
        done = 0.0
        while self._queue and done < room:
            taken = min(self._queue[0][1], room - done)
            done += taken
            self._queue[0][1] -= taken
            if self._queue[0][1] > _DONE:
                break
            self._queue.popleft()
        return done / MINUTE_S

    def _redo_interrupted(self, now: float) -> float:
        """An interruption costs what is done of the running jobs, half on average; a scale-in costs nothing.

        Unless the hook is too short for the jobs: then the rest of the hook's time is lost too.
        """
        lost = 0.0
        for group in (self.spot, self.on_demand):
            for instance in group.instances:
                ended = instance.ends_at is not None and now - MINUTE_S < instance.ends_at <= now
                cut = not instance.scaled_in or group.drain_s > group.hook_s
                if ended and cut and instance.ready_at <= now:
                    lost += instance.vcpu * self._world.job_s / 2
        if lost:
            self._queue.appendleft([now, lost])
        return lost

    def _backlog(self) -> float:
        return sum(work for _, work in self._queue)

    def _oldest_s(self, now: float) -> float:
        return now + MINUTE_S - min((at for at, _ in self._queue), default=now + MINUTE_S)

    # Metrics and policies

    def _publish(self, now: float, busy_vcpu: float) -> tuple[dict[str, float], PoolSample | None]:
        """What a coordinator reads from the ledger and publishes; nothing while it is lost."""
        if self._world.metrics_lost(self._minute):
            return {}, None
        demand = pool_demand(
            _POOL,
            self._load(now, busy_vcpu),
            slot_vcpu=self._world.slot_vcpu,
            bounds=self._bounds,
            rates=self._rates,
            history=tuple(self._history),
            minute=round(now),
        )
        self._history.append(demand.sample)
        kept_s = max(ARRIVAL_WINDOW_S, self._bounds.on_demand_after_s) + 2 * MINUTE_S
        while self._history[0].minute < now - kept_s:
            self._history.popleft()
        return dict(demand.metrics), demand.sample

    def _load(self, now: float, busy_vcpu: float) -> Load:
        slot_s = self._backlog() / self._world.slot_vcpu
        busy = round(busy_vcpu / self._world.slot_vcpu)
        jobs = round(slot_s / self._world.job_s)
        due = DueWork(pool=_POOL, kind=_KIND, jobs=jobs, weight=slot_s, oldest_s=self._oldest_s(now))
        running = RunningWork(
            pool=_POOL,
            job_pool=_POOL,
            kind=_KIND,
            jobs=busy,
            weight=busy * self._world.job_s,
            elapsed_s=busy * self._world.job_s / 2,
        )
        groups = {True: self.spot, False: self.on_demand}
        return Load(
            at=now,
            due=(due,) if slot_s else (),
            running=(running,) if busy else (),
            workers=tuple(self._workers(group, spot, now) for spot, group in groups.items()),
            instances=tuple(_recorded(group, spot, now) for spot, group in groups.items()),
        )

    def _workers(self, group: GroupModel, spot: bool, now: float) -> Workers:  # noqa: FBT001 - a key
        serving = [each for each in group.instances if each.serves(now) and each not in self._broken]
        vcpu = sum(each.vcpu for each in serving)
        return Workers(
            pool=_POOL,
            spot=spot,
            workers=len(serving),
            instances=len(serving),
            vcpu=vcpu,
            slots=int(vcpu / self._world.slot_vcpu),
            slots_without_vcpu=0,
        )

    def _update_alarms(self, metrics: dict[str, float]) -> frozenset[str]:
        for model in (self._high, self._low, *(alarm for _, alarm in self._steps)):
            model.update(metrics)
        return frozenset(
            model.alarm.name for model in self._notifications if model.update(metrics) is AlarmState.ALARM
        )

    def _apply_policies(self, now: float, metrics: Mapping[str, float]) -> None:
        """Run the policies whose alarms are in ALARM; of several, the largest capacity counts.

        Target tracking does nothing with insufficient data. Step scaling may also act on the last data.
        """
        proposals: dict[str, list[int]] = {"spot": [], "od": []}
        tracking = self._scaling.target_tracking
        value = metrics.get(tracking.metric.name)
        for model, capacity in ((self._high, self.spot.warm_vcpu(now)), (self._low, self.spot.total_vcpu())):
            if model.state is AlarmState.ALARM and value is not None:
                wanted = tracked_capacity(capacity, value, tracking.target)
                if (wanted > self.spot.desired) is (model is self._high):
                    proposals["spot"].append(wanted)
        for policy, model in self._steps:
            if model.state is AlarmState.ALARM and model.value is not None:
                proposals[policy.purchase] += self._stepped(policy, model.value, now)
        for group in (self.spot, self.on_demand):
            if proposals[group.group.purchase]:
                group.scale_to(max(proposals[group.group.purchase]), now)

    def _stepped(self, policy: StepScaling, value: float, now: float) -> list[int]:
        group = self.spot if policy.purchase == "spot" else self.on_demand
        scales_in = policy.steps[0].adjustment < 0
        capacity = group.total_vcpu() if scales_in else group.warm_vcpu(now)
        wanted = stepped_capacity(policy, value, capacity)
        if policy.adjustment_type == "ExactCapacity" or (wanted < group.desired) is scales_in:
            return [wanted]
        return []


def _recorded(group: GroupModel, spot: bool, now: float) -> Instances:  # noqa: FBT001 - a key
    """What the fleet record knows from events."""
    remaining = group.remaining()
    return Instances(
        pool=_POOL,
        spot=spot,
        instances=len(remaining),
        vcpu=sum(each.vcpu for each in remaining),
        old_vcpu=sum(each.vcpu for each in remaining if each.launched <= now - WARMUP_S),
    )
