"""The production step asks for what the policy of the simulator launches and drains: the same scaler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.unit.fleet.groups.groups_of_a_pool import ZONE, group, member, pool

from eddyline.app.fleet.pool_scaler import BOOT_S, PoolPlan, PoolScaler, rules_of
from eddyline.fleet.groups.group import Group, InstanceFacts
from eddyline.fleet.groups.pool_view import Market
from eddyline.fleet.scaler.rules import PoolReading, WorkReading
from eddyline.fleet.scaling.work_rates import WorkRates
from eddyline.graph.pool_load import EndedStart, Load, RunningWork
from eddyline.graph.pool_sample import PoolSample
from eddyline.sim.engine.control import FleetControl
from eddyline.sim.engine.exact import ExactEngine
from eddyline.sim.engine.instance import Offer, SimInstance
from eddyline.sim.market.market import MarketPool
from eddyline.sim.policies.scaler_policy import ScalerPolicy
from eddyline.sim.workload.arrivals import arrivals
from eddyline.sim.workload.workload import Owners, Workload

NOW = 1_800_000_000.0
PLENTY = {"max_vcpu": 100_000, "on_demand": {"max_vcpu": 100_000}}
USD_H = {
    ("c6a.4xlarge", True): 0.30,
    ("c7a.4xlarge", True): 0.25,
    ("c6a.4xlarge", False): 0.60,
    ("c7a.4xlarge", False): 0.80,
}
OFFERS = [
    Offer(
        name=f"{kind}-{spot}",
        type=kind,
        zone=ZONE if spot else "",
        spot=spot,
        vcpu=16,
        slots=8,
        speed=1.0,
        usd_h=usd_h,
        own_usd_h=USD_H[kind, False],
    )
    for (kind, spot), usd_h in USD_H.items()
]
RATES = WorkRates()
RATES.measure([EndedStart(pool="cpu", kind="chunk", weight=60.0, seconds=40.0)])
ENDED = (EndedStart(pool="cpu", kind="chunk", weight=60.0, seconds=40.0),)


class SameWork:
    """In place of the production's reading of the ledger: the reading of the simulator."""

    def __init__(self) -> None:
        self.reading = WorkReading(now=0.0, arrived=0.0, seconds=0.0, waiting=0.0, oldest_s=0.0, busy=0.0)

    def read(self, *_: Any) -> WorkReading:
        return self.reading

    def idle_s(self, _now: float) -> float:
        return 0.0


class Recording:
    """The fleet of the simulator, and what its policy asks of it."""

    def __init__(self, fleet: FleetControl) -> None:
        self._fleet = fleet
        self.reading = fleet.work()
        self.first_launch: dict[bool, int] = {}
        self.drained = {True: 0.0, False: 0.0}

    @property
    def offers(self) -> Sequence[Offer]:
        return self._fleet.offers

    def work(self) -> WorkReading:
        return self.reading

    def pools(self) -> Sequence[PoolReading]:
        return self._fleet.pools()

    def launch(self, pool: int, count: int) -> int:
        # All offers are of one size: the first one is asked for all that is missing.
        self.first_launch.setdefault(OFFERS[pool].spot, count)
        return self._fleet.launch(pool, count)

    def drain(self, power: float, *, spot: bool) -> float:
        drained = self._fleet.drain(power, spot=spot)
        self.drained[spot] += drained
        return drained


class Compared:
    """Runs the policy of the simulator, and compares each of its decisions with the production step."""

    every_s = 30.0

    def __init__(self) -> None:
        chosen = pool(**PLENTY)
        self._policy = ScalerPolicy(rules_of(chosen, [40.0]))
        self._production = PoolScaler(chosen)
        self._production._work = self._work = SameWork()  # type: ignore[assignment]
        self.launches = self.drains = 0

    def tick(self, fleet: FleetControl, now: float) -> None:
        recording = Recording(fleet)
        self._work.reading = recording.reading
        pools = recording.pools()
        running = [
            each
            for found in fleet._fleet.pools  # type: ignore[attr-defined]
            for each in found.holding
            if not each.draining and each.stop_by is None
        ]
        groups, facts = groups_of(running)
        usd_h = {(name, ZONE if spot else ""): usd for (name, spot), usd in USD_H.items()}
        history = {
            (offer.type, ZONE): (reading.interrupted, reading.hours)
            for offer, reading in zip(OFFERS, pools, strict=True)
            if offer.spot
        }
        load = Load(at=now, ended=ENDED)
        market = Market(usd_h=usd_h, history=history)
        plan = self._production.plan(groups, facts, market, load=load, rates=RATES, history=())
        self._policy.tick(recording, now)
        for step, spot in zip(plan.steps, (True, False), strict=True):
            assert step.launch_vcpu == 16 * recording.first_launch.get(spot, 0)
            assert step.victims_vcpu == 2 * recording.drained[spot]
            self.launches += step.launch_vcpu > 0
            self.drains += step.victims_vcpu > 0


def groups_of(running: Sequence[SimInstance]) -> tuple[list[Group], dict[str, InstanceFacts]]:
    facts = {
        f"i-{number}": InstanceFacts(
            slots=each.slots if each.ready else 0, busy=len(each.running) if each.ready else 0, vcpu=16
        )
        for number, each in enumerate(running)
    }
    return [
        group(
            *(
                member(f"i-{number}", each.offer.type, zone=ZONE if spot else "")
                for number, each in enumerate(running)
                if each.offer.spot is spot
            ),
            spot=spot,
            most=100_000,
        )
        for spot in (True, False)
    ], facts


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_production_step_asks_for_what_the_simulated_policy_does(seed: int) -> None:
    end_s = 3 * 3600.0
    # Spot is away for 40 minutes in the middle.
    capacity = ((0.0, 60), (4000.0, 0), (6400.0, 60))
    market = {
        each.name: MarketPool(name=each.name, type=each.type, zone=ZONE, units=100, capacity=capacity)
        for each in OFFERS
        if each.spot
    }
    policy = Compared()
    workload = Workload(slots=120, load=0.5, owners=Owners(count=3))
    incoming = arrivals(workload, seed=seed, end_s=end_s)
    ExactEngine(OFFERS, market, incoming, policy, end_s=end_s, seed=seed).run()
    assert policy.launches > 20
    assert policy.drains > 5


def test_the_rules_are_those_of_the_pool() -> None:
    rules = rules_of(pool(target_backlog_s=1200, deadline_s=3600), [10.0, 30.0, 90.0])
    assert (rules.backlog_s, rules.deadline_s, rules.boot_s, rules.job_s) == (1200.0, 3600.0, BOOT_S, 30.0)


def test_a_plan_that_keeps_the_capacity_has_no_changes() -> None:
    plan = PoolPlan.kept("no reason", [group(member("a"))])
    assert (plan.has_changes, plan.desired, plan.problem) == (False, {True: 16, False: 0}, "no reason")


def test_a_new_leader_begins_with_the_rate_of_the_samples() -> None:
    samples = [
        PoolSample(minute=int(NOW) - 60 * back, pool="cpu", busy_slots=80, backlog_vcpu_s=3200.0)
        for back in range(30, 0, -1)
    ]
    busy = RunningWork(pool="cpu", job_pool="cpu", kind="chunk", jobs=80, weight=4800.0, elapsed_s=1600.0)
    plan = PoolScaler(pool()).plan(
        [group(), group(spot=False)],
        {},
        Market(),
        load=Load(at=NOW, running=(busy,), ended=ENDED),
        rates=RATES,
        history=samples,
    )
    assert 60 * 2 <= plan.wanted_vcpu <= 90 * 2
