from __future__ import annotations

import json
import math
from collections.abc import Mapping

import pytest

from eddyline.core.errors import UsageError
from eddyline.sim.comparison.compare import compare, facts_of
from eddyline.sim.comparison.figures import SeedFigures
from eddyline.sim.comparison.interval import interval_of
from eddyline.sim.comparison.json_figures import comparison_json
from eddyline.sim.comparison.tables import COLUMNS, markdown, notes_of, rows_of, title_of
from eddyline.sim.comparison.tuning import GRID_S, tune
from eddyline.sim.market.generated_spec import GeneratedMarket
from eddyline.sim.scenario import MarketSection, Scenario
from eddyline.sim.workload.workload import Workload
from eddyline.sim.world import World

DARK = GeneratedMarket(
    preset="calm", types=("c8g.2xlarge",), zones=1, scarcity=0.6, dark_together=0.6, dark_mean_s=3600.0
)


def scenario(*policies: str, spec: GeneratedMarket | None = None) -> Scenario:
    return Scenario(
        name="small",
        market=MarketSection(generated=spec or GeneratedMarket(preset="calm", lists=("best-spot",), zones=1)),
        workload=Workload(slots=40, hours=1),
        policies=policies,
        deadlines=("tight", 15.0),
        oracle=False,
    )


def test_an_interval_is_that_of_student() -> None:
    found = interval_of([1.0, 2.0, 3.0, 4.0])
    assert found.mean == 2.5
    assert found.high - found.mean == pytest.approx(3.182 * math.sqrt(5 / 3) / 2)
    assert interval_of([7.0]).low == interval_of([7.0]).high == 7.0


@pytest.mark.parametrize("limit", [0.0, 20.0, 1000.0, 7000.0, 1e9])
def test_the_longest_target_time_is_chosen_where_it_is_cheaper(limit: float) -> None:
    fitting = [each for each in GRID_S if each <= limit * 1.02]
    expected = fitting[-1] if fitting else GRID_S[0]

    def attempt(tried: Mapping[str, float]) -> Mapping[str, tuple[float, float]]:
        return {name: (seconds, 1 / seconds) for name, seconds in tried.items()}

    assert tune(attempt, ["a", "b"], limit) == {"a": expected, "b": expected}


def test_a_shorter_target_time_is_chosen_where_it_is_cheaper() -> None:
    def attempt(tried: Mapping[str, float]) -> Mapping[str, tuple[float, float]]:
        return {name: (seconds, seconds) for name, seconds in tried.items()}

    (chosen,) = tune(attempt, ["a"], 3000.0).values()
    assert chosen < 1000.0


def test_policies_are_compared_at_the_same_deadline_and_reproducibly() -> None:
    small = scenario("on-demand-best", "on-demand-classic", "eddyline")
    found = compare(small, seeds=(1, 2))
    again = compare(small, seeds=(1, 2), processes=2)
    text = json.dumps(comparison_json(found), sort_keys=True)
    assert text == json.dumps(comparison_json(again), sort_keys=True)
    for deadline in found.deadlines:
        figures = {each.policy: each for each in deadline.policies}
        assert figures["on-demand-best"].saved["best"].mean == 0
        assert figures["eddyline"].saved["best"].mean > 0.5
        assert figures["eddyline"].saved["published_classic"].mean > figures["eddyline"].saved["best"].mean
        assert figures["eddyline"].p99_s.mean <= deadline.deadline_s * 1.3
        rows = rows_of(deadline)
        assert [len(row) for row in rows] == [len(COLUMNS)] * 3
        assert notes_of(deadline)[-1].startswith("no figures of the oracle")
    assert found.deadlines[0].deadline_s < 900.0
    assert title_of(found.deadlines[0]).startswith("tight")
    assert markdown(("a", "b"), [("1", "2")]) == "| a | b |\n|---|---|\n| 1 | 2 |"


def test_the_aggregate_engine_finds_the_same() -> None:
    exact = scenario("on-demand-best", "eddyline")
    aggregate = exact.model_copy(update={"engine": "aggregate"})
    pairs = zip(
        *(compare(each, seeds=(1,)).deadlines[1].policies for each in (exact, aggregate)), strict=True
    )
    for expected, found in pairs:
        assert found.policy == expected.policy
        assert found.cost_usd.mean == pytest.approx(expected.cost_usd.mean, rel=0.05)
        assert found.cost_usd.mean != expected.cost_usd.mean
    assert facts_of(World(aggregate, 1))["workload"][:20] == facts_of(World(exact, 1))["workload"][:20]


def test_the_json_of_the_fleet_page_is_that_of_15_minutes() -> None:
    found = comparison_json(compare(scenario("on-demand-best", "eddyline"), seeds=(1,)))
    assert (found["format"], found["version"], found["deadline"]) == ("eddyline-simulation", 1, "15 min")
    assert [each["name"] for each in found["policies"]] == ["on-demand-best", "eddyline"]
    assert set(found["policies"][1]["cost_usd"]) == {"mean", "low", "high"}
    assert found["deadlines"][0]["oracle"]["missing"]


def test_a_policy_that_never_ends_is_named_and_does_not_stop_the_others() -> None:
    never = GeneratedMarket(preset="calm", types=("c8g.2xlarge",), zones=1, units=1, hazard_per_hour=3000.0)
    (deadline, _) = compare(scenario("spot-naive", "eddyline", spec=never), seeds=(1,)).deadlines
    assert deadline.unfinished == ["spot-naive"]
    assert [each.policy for each in deadline.policies] == ["eddyline"]
    assert SeedFigures.unfinished(1).p99_s == math.inf


def test_facts_say_what_was_simulated() -> None:
    facts = facts_of(World(scenario("eddyline", spec=DARK), 1))
    assert "pools" in facts["market"]
    assert "20.0 of 40 slots" in facts["workload"] or "of 40 slots are busy" in facts["workload"]


def test_a_market_of_a_file_has_no_published_policies() -> None:
    with pytest.raises(UsageError, match="nothing is known"):
        World(scenario("eddyline"), 1).on_demand(["none.large"])
