"""The goals of the simulator, on a small comparison."""

from __future__ import annotations

import pytest
from benchmarks.economics import GOALS, SCENARIOS, goal_rows, text_of

from eddyline.sim.comparison.compare import compare
from eddyline.sim.market.generated_spec import GeneratedMarket
from eddyline.sim.scenario import MarketSection, Scenario
from eddyline.sim.workload.workload import Workload


def test_every_scenario_is_valid_and_every_goal_applies_somewhere() -> None:
    for name, plain in SCENARIOS.items():
        scenario = Scenario.model_validate({"name": name, **plain}, strict=False)
        assert "eddyline" in scenario.policies
    for goal in GOALS:
        assert any(goal.scenarios(name) for name in SCENARIOS), goal.text


def test_the_worst_figure_of_a_goal_is_shown_and_a_miss_named() -> None:
    pytest.importorskip("scipy")
    scenario = Scenario(
        name="calm",
        market=MarketSection(generated=GeneratedMarket(preset="calm", lists=("best-spot",), zones=1)),
        workload=Workload(slots=30, hours=1),
        policies=("on-demand-best", "eddyline", "eddyline-uninterrupted"),
        deadlines=("tight",),
    )
    found = {"calm": compare(scenario, seeds=(1,))}
    rows = {row[0]: row for row in goal_rows(found)}
    saved = rows["saved against best, generated markets, tight"]
    assert saved[1] == "at least 0.7"
    assert saved[2].endswith("calm, tight")
    # 30 slots for an hour follow their work coarsely: the goals are for 200 slots.
    ratio = rows["cost against the oracle, tight"]
    assert (ratio[3], ratio[4]) in {("1 of 1", "none"), ("0 of 1", f"calm, tight: {ratio[2].split()[0]}")}
    assert "## Goals of the default policy" in text_of(found)
