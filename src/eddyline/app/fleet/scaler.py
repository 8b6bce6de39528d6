"""Scales the pools with `scaling: eddyline`: the coordinator that leads decides, and sets the capacity.

Each step reads the groups and the ledger and applies what the deciders of `fleet/scaler` say. A step without
complete readings keeps the capacity. A leader that was stalled finds its lease ended before it acts; a call
that it makes nevertheless is corrected by the next step of its successor, which starts from what the groups
are: new instances are protected from scale-in, so that a late capacity ends none of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from eddyline.app.fleet.pool_scaler import PoolPlan, PoolScaler
from eddyline.core.errors import EddylineError
from eddyline.fleet.groups.group import Group, InstanceFacts
from eddyline.fleet.groups.pool_view import Market
from eddyline.fleet.names import group_name
from eddyline.fleet.pools import Pools
from eddyline.fleet.scaling.demand import ARRIVAL_WINDOW_S
from eddyline.fleet.scaling.policies import WARMUP_S
from eddyline.fleet.scaling.work_rates import WorkRates
from eddyline.graph.instance import Instance
from eddyline.graph.ledger.fleet import instance_loads, load, prices, queries, samples, scaler_decisions
from eddyline.graph.ledger.fleet.instance_loads import InstanceLoad
from eddyline.graph.ledger.fleet.scaler_decisions import PoolDecision
from eddyline.graph.ledger.leadership import Leadership
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.pool_load import Load
from eddyline.graph.pool_sample import PoolSample

if TYPE_CHECKING:
    from eddyline.aws.autoscaling_groups import AutoScalingGroups

TASK = "scaler"
LEASE_S = 90.0
"""Three steps: how soon another coordinator scales after the leader was killed."""

_MARGIN_S = 120.0  # the history read beyond what is computed from it
_MARKET_S = 3600.0  # between two readings of interruptions
_MARKET_PAST_S = 14 * 86_400.0
_CALL_S = 5.0  # of the lease must be left before a call


@dataclass(frozen=True, kw_only=True)
class _Readings:
    """What one transaction read."""

    load: Load
    samples: Mapping[str, Sequence[PoolSample]]
    facts: Mapping[str, InstanceFacts]
    usd_h: Mapping[tuple[str, str], float]
    decisions: Mapping[str, PoolDecision]


class FleetScaler:
    """One coordinator's part of scaling; `step` is called every 30 s in one thread.

    `owner` names this process among all that scale. `on_decision` gets each decision once it was applied or
    given up, and whether something changed.
    """

    def __init__(
        self,
        ledger: Ledger,
        open_groups: Callable[[], AutoScalingGroups],
        *,
        prefix: str,
        pools: Pools,
        owner: str,
        lease_s: float = LEASE_S,
        on_decision: Callable[[PoolDecision, bool], None] = lambda _decision, _changed: None,
    ) -> None:
        self._ledger = ledger
        self._open_groups = open_groups
        self._owner = owner
        self._lease_s = lease_s
        self._on_decision = on_decision
        self._pools = {name: each for name, each in pools.pools.items() if is_scaled(pools, name)}
        self._groups = {
            (name, spot): group_name(prefix, name, spot=spot)
            for name in self._pools
            for spot in (True, False)
        }
        self._rates = WorkRates()
        self._scalers: dict[str, PoolScaler] = {}
        self._leader: Leadership | None = None
        self._market: Market | None = None
        self._market_at = 0.0

    def step(self) -> bool:
        """Scale all pools once; False while another process leads.

        Raises `LedgerError`, `ServiceError` and `AccessError`: then nothing was changed.
        """
        leader = self._ledger.fleet.lead(TASK, self._owner, lease_s=self._lease_s)
        if leader is None or self._leader is None or leader.term != self._leader.term:
            self._scalers.clear()  # what another leader did since is unknown
        self._leader = leader
        if leader is None:
            return False
        api = self._open_groups()
        groups = api.describe({name: spot for (_, spot), name in self._groups.items()})
        readings = self._read()
        plans = {name: self._plan(name, groups, readings) for name in self._pools}
        decisions = {name: self._decision(leader, plans[name], readings, name) for name in plans}
        if not self._ledger.fleet.record_decisions(leader, list(decisions.values())):
            self._leader = None
            return False
        failed: list[PoolDecision] = []
        for name, plan in plans.items():
            decision = decisions[name]
            problem = self._set_capacity(api, plan, leader)
            if problem:
                earlier = readings.decisions.get(name)
                decision = replace(decision, problem=problem, decided=earlier.decided if earlier else None)
            elif order_problem := self._set_type_orders(api, groups, plan, leader):
                decision = replace(decision, problem=order_problem)  # the capacity is set
            if decision != decisions[name]:
                failed.append(decision)
            self._on_decision(decision, plan.has_changes)
        if failed:
            self._ledger.fleet.record_decisions(leader, failed)
        return True

    def resign(self) -> None:
        """Let another coordinator lead at once. Raises `LedgerError`."""
        if self._leader is not None:
            self._ledger.fleet.resign(self._leader)
            self._leader = None

    def _read(self) -> _Readings:
        now = self._ledger.now()
        types = {name for pool in self._pools.values() for name in pool.capacity.types}

        def work(connection: Connection) -> _Readings:
            running = queries.running(connection)
            loads = instance_loads.instance_loads(connection, now)
            wanted = types | {each.instance_type for each in running if each.pool in self._pools}
            history: defaultdict[str, list[PoolSample]] = defaultdict(list)
            for sample in samples.find(connection, now - ARRIVAL_WINDOW_S - _MARGIN_S, now):
                history[sample.pool].append(sample)
            if self._market is None or now - self._market_at > _MARKET_S:
                self._market = _market(connection, now)
                self._market_at = now
            return _Readings(
                load=load.read_load(connection, now, ready_after_s=WARMUP_S),
                samples=history,
                facts=instance_facts(running, loads),
                usd_h={
                    (each.instance_type, each.zone): each.usd_per_hour
                    for each in prices.find(connection, now, wanted)
                },
                decisions=scaler_decisions.find(connection),
            )

        found = self._ledger.read(work)
        self._rates.measure(found.load.ended)
        return found

    def _plan(self, name: str, groups: Mapping[str, Group], readings: _Readings) -> PoolPlan:
        pool = self._pools[name]
        found = [groups.get(self._groups[name, spot]) for spot in (True, False)]
        own = [each for each in found if each is not None]
        if len(own) < len(found):
            return PoolPlan.kept("an Auto Scaling group of the pool does not exist", own)
        scaler = self._scalers.get(name)
        if scaler is None:
            scaler = self._scalers[name] = PoolScaler(pool)
        market = replace(self._market or Market(), usd_h=readings.usd_h)
        return scaler.plan(
            own,
            readings.facts,
            market,
            load=readings.load,
            rates=self._rates,
            history=readings.samples.get(name, ()),
        )

    def _decision(self, leader: Leadership, plan: PoolPlan, readings: _Readings, name: str) -> PoolDecision:
        earlier = readings.decisions.get(name)
        return PoolDecision(
            pool=name,
            term=leader.term,
            owner=self._owner,
            at=readings.load.at,
            decided=readings.load.at if not plan.problem else earlier.decided if earlier else None,
            wanted_vcpu=plan.wanted_vcpu,
            spot_vcpu=plan.desired[True],
            on_demand_vcpu=plan.desired[False],
            drained=sum(len(step.victims) for step in plan.steps),
            problem=plan.problem,
        )

    def _set_capacity(self, api: AutoScalingGroups, plan: PoolPlan, leader: Leadership) -> str:
        """Set the capacity of both groups; returns why it could not be set, or ""."""
        try:
            for step in plan.steps:
                if step.desired is not None:
                    self._check(leader)
                    api.set_desired(step.group, step.desired)
                for instance in step.victims:
                    self._check(leader)
                    api.end(instance)
        except EddylineError as error:
            return str(error)
        return ""

    def _set_type_orders(
        self, api: AutoScalingGroups, groups: Mapping[str, Group], plan: PoolPlan, leader: Leadership
    ) -> str:
        try:
            for name, types in plan.type_orders.items():
                self._check(leader)
                api.set_type_order(groups[name], types)
        except EddylineError as error:
            return str(error)
        return ""

    def _check(self, leader: Leadership) -> None:
        if self._ledger.now() > leader.until - min(_CALL_S, self._lease_s / 2):
            raise LeaseEndedError("the lease of the scaler has ended: another coordinator continues")


class LeaseEndedError(EddylineError):
    """The step took longer than the lease."""


def is_scaled(pools: Pools, name: str) -> bool:
    """Whether coordinators scale a pool."""
    capacity = pools[name].capacity
    return capacity.scaling == "eddyline" and capacity.has_machines


def instance_facts(
    running: Sequence[Instance], loads: Mapping[str, InstanceLoad]
) -> dict[str, InstanceFacts]:
    """What the ledger knows of instances that run, by id."""
    facts = {name: InstanceFacts(slots=each.slots, busy=each.busy) for name, each in loads.items()}
    for each in running:
        facts[each.instance] = replace(
            facts.get(each.instance, InstanceFacts()),
            vcpu=each.vcpu,
            warned_at=each.warned_at,
            ends=each.warned_at is not None or each.scale_in_at is not None,
        )
    return facts


def _market(connection: Connection, now: float) -> Market:
    found = instance_loads.spot_history(connection, now - _MARKET_PAST_S, now)
    return Market(
        history={key: (each.interrupted, each.hours) for key, each in found.items()},
        vcpu=instance_loads.type_vcpu(connection),
    )
