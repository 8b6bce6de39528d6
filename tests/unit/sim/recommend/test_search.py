from __future__ import annotations

import numpy as np
import pytest
import yaml

from eddyline.core.errors import UsageError
from eddyline.fleet.pools import BUILT_IN, Pools, load_pools
from eddyline.sim.engine.result import RunResult, Sample, Totals
from eddyline.sim.recommend.candidates import Candidate, candidates
from eddyline.sim.recommend.evaluate import Evaluator, Plan, PlanFigures, PlanRun
from eddyline.sim.recommend.load import Load, daily_load, load_of
from eddyline.sim.recommend.pool_section import check_section, on_demand_limit, pool_section, spot_limit
from eddyline.sim.recommend.search import DEADLINES_S, SEEDS, Search
from eddyline.sim.types import builtin_types
from eddyline.sim.workload.workload import Workload

CANDIDATES = candidates(builtin_types(), load_pools())


class Fake(Evaluator):
    """A longer target time is slower and cheaper; the second candidate is the dearest."""

    def __init__(self, prices: dict[Candidate, float], fixed_s: float = 200.0) -> None:
        self.prices = prices
        self.fixed_s = fixed_s
        self.asked: list[tuple[Plan, int]] = []

    def run(self, plan: Plan, seed: int) -> PlanRun:
        self.asked.append((plan, seed))
        slower = 1.5 if seed in SEEDS else 1.0
        return PlanRun(
            monthly_usd=self.prices[plan.candidate] * (1 + 100 / plan.backlog_s),
            p50_s=60.0,
            p99_s=self.fixed_s + plan.backlog_s * slower,
            spot_share=0.9,
            spot_vcpu=100.0,
            on_demand_vcpu=0.0,
        )


def fake(fixed_s: float = 200.0) -> Fake:
    return Fake(dict(zip(CANDIDATES, (100.0, 150.0, 90.0), strict=True)), fixed_s)


def test_the_cheapest_plan_within_the_deadline_is_confirmed_over_several_seeds() -> None:
    found = Search(fake(), CANDIDATES).cheapest(900.0)
    plan = found.best.plan
    assert plan.candidate is CANDIDATES[2]
    assert plan.backlog_s == 400.0  # at 600 s, the seeds of the figures miss the deadline
    assert len(found.best.runs) == len(SEEDS)
    assert [each.plan.candidate for each in found.others] == CANDIDATES[:2]


def test_a_clearly_dearer_candidate_is_not_tuned() -> None:
    evaluator = fake()
    Search(evaluator, CANDIDATES).cheapest(900.0)
    assert sum(plan.candidate is CANDIDATES[1] for plan, _ in evaluator.asked) == 1


def test_a_deadline_that_no_plan_meets_names_the_fastest() -> None:
    with pytest.raises(UsageError, match=r"fastest has a p99 of 3\.8 min") as error:
        Search(fake(), CANDIDATES).cheapest(120.0)
    assert error.value.remedy == "pass a longer --deadline, such as 5"


def test_a_budget_buys_the_shortest_deadline_that_it_pays_for() -> None:
    found = Search(fake(), CANDIDATES).fastest(130.0)
    assert found.best.monthly_usd.mean <= 130.0
    assert found.best.plan.candidate is CANDIDATES[2]
    assert found.best.plan.deadline_s == 600.0
    assert len({each.plan for each in found.others}) == len(found.others)


def test_a_large_budget_buys_the_shortest_deadline_of_all() -> None:
    assert Search(fake(100.0), CANDIDATES).fastest(1e6).best.plan.deadline_s == DEADLINES_S[0]


def test_a_budget_below_every_plan_names_the_cheapest_cost() -> None:
    with pytest.raises(UsageError, match=r"the cheapest costs \$90\.6"):
        Search(fake(), CANDIDATES).fastest(50.0)


def test_other_pools_are_compared_at_the_same_deadline() -> None:
    search = Search(fake(), CANDIDATES)
    best = search.cheapest(900.0).best
    assert search.compared(CANDIDATES[:2], best).plan.deadline_s == 900.0


@pytest.fixture(scope="module")
def simulated() -> PlanFigures:
    evaluator = Evaluator(load_of(Workload(slots=8, hours=2)))
    return Search(evaluator, CANDIDATES[:1]).cheapest(1800.0).best


def test_a_simulated_plan_has_plausible_figures(simulated: PlanFigures) -> None:
    assert 0 < simulated.monthly_usd.low <= simulated.monthly_usd.mean
    assert 0 < simulated.p50_s.mean < simulated.p99_s.mean <= 1836.0
    assert 0.5 < simulated.spot_share.mean <= 1.0
    assert simulated.spot_vcpu >= simulated.plan.candidate.types[0].vcpu


def test_the_cost_of_a_part_is_extrapolated_to_a_month_of_the_whole_load() -> None:
    load = daily_load(500, frame_rate=30.0, work=1.0)
    evaluator = Evaluator(Load(load.workload, 7300.0, load.exact, 4.0))
    sample = Sample(
        at=0.0, spot=10.0, on_demand=2.0, booting=0.0, busy=0.0, waiting=0.0, cost_usd=0.0, interruptions=0
    )
    result = RunResult(
        seed=1, end_s=7300.0, totals=Totals(cost_usd=1.0), ready_s=np.array([60.0]), samples=[sample]
    )
    offers = CANDIDATES[0].offers(zones="a", reference_fps=22.0)
    found = evaluator._extrapolated(result, offers)
    assert found.monthly_usd == pytest.approx(4 * 730 * 3600 / 7300)
    assert found.spot_vcpu == pytest.approx(4 * 10 * max(each.vcpu / each.power for each in offers))
    assert found.on_demand_vcpu == pytest.approx(found.spot_vcpu / 5)


def test_a_large_load_is_simulated_by_the_aggregate_engine() -> None:
    workload = Workload(slots=60, hours=1)
    small = load_of(workload)
    plan = Plan(CANDIDATES[0], 1800.0, 600.0)
    exact = Evaluator(small).run(plan, 1)
    aggregate = Evaluator(Load(workload, small.end_s, False, 1.0)).run(plan, 1)
    assert small.exact
    assert aggregate.monthly_usd == pytest.approx(exact.monthly_usd, rel=0.1)
    assert aggregate.p50_s == pytest.approx(exact.p50_s, rel=0.2)


def test_the_section_replaces_that_of_the_pool(simulated: PlanFigures) -> None:
    values = yaml.safe_load(BUILT_IN.read_text("utf-8"))
    values["pools"] |= yaml.safe_load(pool_section(simulated))
    pool = Pools.model_validate(values)["cpu"]
    assert pool == check_section(simulated)
    assert pool.capacity.max_vcpu == spot_limit(simulated) >= simulated.spot_vcpu
    assert pool.capacity.on_demand.max_vcpu == on_demand_limit(simulated)
    assert pool.capacity.requirements is None
    assert list(pool.capacity.types) == [each.name for each in simulated.plan.candidate.types]
    assert pool.capacity.target_backlog_s == simulated.plan.backlog_s
