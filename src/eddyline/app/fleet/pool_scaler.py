"""Decides about one pool: readings of the ledger and of its groups, the scaler, steps of the groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from eddyline.fleet.groups.group import Group, InstanceFacts
from eddyline.fleet.groups.group_step import GroupStep, plan_group
from eddyline.fleet.groups.pool_view import Market, PoolView, smallest_vcpu, view_pool
from eddyline.fleet.groups.pool_work import PoolWork
from eddyline.fleet.groups.type_order import ranked_types
from eddyline.fleet.pools import Pool
from eddyline.fleet.scaler.rules import ScalerRules
from eddyline.fleet.scaler.scaler import Scaler
from eddyline.fleet.scaling.work_rates import WorkRates
from eddyline.graph.pool_load import Load
from eddyline.graph.pool_sample import PoolSample

BOOT_S = 200.0
"""From a launch to a worker that takes jobs, as measured for the policies of AWS."""

_ORDER_S = 3600.0  # between two changes of the order of types
_JOB_S = 40.0  # of a job where none was measured


@dataclass(frozen=True, kw_only=True)
class PoolPlan:
    """The steps of the groups, the new orders of types by group, and the desired capacities after them.

    `desired` is by whether the group is of Spot, in vCPU. With a `problem`, capacity is kept.
    """

    steps: tuple[GroupStep, ...] = ()
    type_orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    desired: Mapping[bool, int]
    wanted_vcpu: int = 0
    problem: str = ""

    @classmethod
    def kept(cls, problem: str, groups: Sequence[Group]) -> PoolPlan:
        """A plan that changes nothing, for a reason."""
        return cls(
            desired={True: 0, False: 0} | {each.spot: each.desired for each in groups}, problem=problem
        )

    @property
    def has_changes(self) -> bool:
        """Whether it changes a group."""
        return bool(self.type_orders) or any(step.desired is not None or step.victims for step in self.steps)


class PoolScaler:
    """The scaler of one pool; it remembers what the deciders remember, while this process leads."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._rules = rules_of(pool, ())
        self._scaler = Scaler(self._rules)
        self._work = PoolWork(
            pool.name,
            slot_vcpu=pool.slot.vcpu,
            base_slots=pool.capacity.on_demand.min_vcpu / pool.slot.vcpu,
            window_s=self._rules.arrival_s,
        )
        self._has_decided = False
        self._ordered_at = -math.inf

    def plan(
        self,
        groups: Sequence[Group],
        facts: Mapping[str, InstanceFacts],
        market: Market,
        *,
        load: Load,
        rates: WorkRates,
        history: Sequence[PoolSample],
    ) -> PoolPlan:
        """What to do now with both groups of the pool."""
        if self._has_work(load) and not rates.is_measured(self._pool.name):
            return self._without_rates(groups)
        if not self._has_decided:
            self._begin(load)
        work = self._work.read(load, rates, history)
        if self._work.idle_s(load.at) >= self._rules.arrival_s:
            self._scaler = Scaler(self._rules)  # a rate that decays would keep the last instance for hours
        view = view_pool(self._pool, groups, facts, market)
        decision = self._scaler.decide(work, view.readings)
        capacity = self._pool.capacity
        bounds = {
            True: (capacity.min_vcpu, capacity.max_vcpu),
            False: (capacity.on_demand.min_vcpu, capacity.on_demand.max_vcpu),
        }
        steps = [
            plan_group(
                group, view, decision, least=bounds[group.spot][0], most=bounds[group.spot][1], now=load.at
            )
            for group in groups
        ]
        base = capacity.on_demand.min_vcpu
        return PoolPlan(
            steps=tuple(steps),
            type_orders=self._type_orders(groups, view, decision.wanted, load.at),
            desired={
                group.spot: (group.desired if step.desired is None else step.desired) - step.victims_vcpu
                for group, step in zip(groups, steps, strict=True)
            },
            wanted_vcpu=base + math.ceil(decision.wanted * self._pool.slot.vcpu),
        )

    def _begin(self, load: Load) -> None:
        seconds = [each.seconds for each in load.ended if each.pool == self._pool.name]
        self._rules = rules_of(self._pool, seconds)
        self._scaler = Scaler(self._rules)
        self._has_decided = True

    def _has_work(self, load: Load) -> bool:
        pools = {each.pool for each in load.due} | {each.pool for each in load.running}
        return self._pool.name in pools

    def _without_rates(self, groups: Sequence[Group]) -> PoolPlan:
        """Keep the capacity; but a pool without any gets the smallest machine, or none would be measured."""
        plan = PoolPlan.kept("no rate of its jobs is measured yet: capacity is kept", groups)
        if any(group.desired or group.members for group in groups):
            return plan
        capacity = self._pool.capacity
        group = next(each for each in groups if each.spot is (capacity.max_vcpu > 0))
        first = min(smallest_vcpu(self._pool), group.most)
        step = GroupStep(group=group.name, desired=first, victims=(), launch_vcpu=first)
        return PoolPlan(steps=(step,), desired={**plan.desired, group.spot: first}, wanted_vcpu=first)

    def _type_orders(
        self, groups: Sequence[Group], view: PoolView, wanted: float, now: float
    ) -> dict[str, tuple[str, ...]]:
        if now - self._ordered_at < _ORDER_S:
            return {}
        orders = {
            group.name: ranked
            for group in groups
            if (ranked := ranked_types(group, view, wanted, self._rules)) is not None
        }
        self._ordered_at = now
        return orders


def rules_of(pool: Pool, seconds: Sequence[float]) -> ScalerRules:
    """The rules of a pool, with the time of a usual job from how long recent jobs ran."""
    return ScalerRules(
        backlog_s=float(pool.capacity.target_backlog_s),
        deadline_s=float(pool.capacity.deadline_s),
        boot_s=BOOT_S,
        job_s=median(seconds) if seconds else _JOB_S,
    )
