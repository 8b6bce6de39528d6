from __future__ import annotations

import random

import pytest

from eddyline.core.errors import UsageError
from eddyline.sim.market.generated_spec import GeneratedMarket
from eddyline.sim.policies.allocation import allocation_order
from eddyline.sim.policies.policy_set import LABELS, policy_setup
from eddyline.sim.scenario import POLICIES, MarketSection, Scenario
from eddyline.sim.simulation import oracle_cost, run_policy
from eddyline.sim.workload.workload import Workload
from eddyline.sim.world import World

SCENARIO = Scenario(
    name="small",
    market=MarketSection(generated=GeneratedMarket(preset="hostile", lists=("best-spot",), zones=2)),
    workload=Workload(slots=80, hours=3),
)


@pytest.fixture(scope="module")
def world() -> World:
    return World(SCENARIO, 1)


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_does_all_work(world: World, name: str) -> None:
    result = run_policy(world, name, deadline_s=900.0, backlog_s=600.0)
    totals = result.totals
    assert totals.jobs_done == totals.jobs
    assert len(result.ready_s) == len(world.arrivals)
    assert result.p99_s < 1500.0
    assert name in LABELS
    if name.startswith("on-demand"):
        assert totals.spot == 0
        assert totals.cost_usd == totals.own_usd


def test_the_orders_of_cost_are_as_measured(world: World) -> None:
    cost = {
        name: run_policy(world, name, deadline_s=900.0, backlog_s=600.0).totals.cost_usd
        for name in ("on-demand-best", "on-demand-classic", "published-classic", "aws-scaling", "eddyline")
    }
    assert cost["eddyline"] < cost["aws-scaling"] < cost["on-demand-best"] < cost["on-demand-classic"]
    assert 0.3 < 1 - cost["published-classic"] / cost["on-demand-classic"] < 0.75


def test_the_oracle_is_cheaper_than_any_policy(world: World) -> None:
    pytest.importorskip("scipy")
    result = run_policy(world, "eddyline", deadline_s=900.0, backlog_s=600.0)
    cost, spot_share = oracle_cost(world, 900.0)
    assert cost < result.totals.cost_usd < 1.35 * cost
    assert 0 < spot_share <= 1


def test_the_production_ledger_claims_what_the_simulator_does() -> None:
    scenario = SCENARIO.model_copy(update={"workload": Workload(slots=40, hours=1)})
    in_memory = run_policy(World(scenario, 3), "eddyline", deadline_s=900.0, backlog_s=300.0)
    on_ledger = run_policy(
        World(scenario.model_copy(update={"engine": "ledger"}), 3),
        "eddyline",
        deadline_s=900.0,
        backlog_s=300.0,
    )
    assert on_ledger.totals == in_memory.totals


def test_allocation_strategies_order_the_pools(world: World) -> None:
    offers = policy_setup("aws-scaling", world, 900.0).offers
    rng = random.Random(1)
    cheapest = allocation_order(offers, "lowest-price", rng, spot=True)
    assert [offers[n].usd_h / offers[n].power for n in cheapest] == sorted(
        offer.usd_h / offer.power for offer in offers if offer.spot
    )
    orders = {
        tuple(allocation_order(offers, "price-capacity-optimized", rng, spot=True)[:3]) for _ in range(20)
    }
    assert len(orders) > 5
    limit = sorted(offer.usd_h / offer.vcpu for offer in offers if offer.spot)[len(cheapest) // 3]
    assert all(offers[n].usd_h / offers[n].vcpu <= limit for order in orders for n in order)
    first = {allocation_order(offers, "capacity-optimized", rng, spot=True)[0] for _ in range(200)}
    assert len(first) > len(cheapest) / 2
    (on_demand, *_) = allocation_order(offers, "capacity-optimized", rng, spot=False)
    assert not offers[on_demand].spot


def test_an_unknown_policy_is_refused(world: World) -> None:
    with pytest.raises(UsageError, match="unknown policy 'x'"):
        policy_setup("x", world, 900.0)


def test_the_aggregate_engine_costs_what_the_exact_one_does(world: World) -> None:
    counts = World(SCENARIO.model_copy(update={"engine": "aggregate"}), 1)
    exact, aggregate = (
        run_policy(each, "eddyline", deadline_s=900.0, backlog_s=600.0) for each in (world, counts)
    )
    assert aggregate.totals.cost_usd == pytest.approx(exact.totals.cost_usd, rel=0.08)
    assert aggregate.spot_share > 0.95
