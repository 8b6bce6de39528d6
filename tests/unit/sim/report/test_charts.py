from __future__ import annotations

import numpy as np
import pytest
from tests.unit.sim.report.runs import empty_run, run

from eddyline.sim.engine.result import Life, RunResult, Totals
from eddyline.sim.report.distribution_charts import duration, ready_chart, survival_chart
from eddyline.sim.report.fleet_series import end_of, series_of
from eddyline.sim.report.time_charts import capacity_chart, cost_chart, interruption_chart


def test_costs_of_policies_are_lines_that_name_the_total() -> None:
    chart = cost_chart({"a": series_of(run(1))}, {"a": 1234.5})
    assert [key.text for key in chart.keys] == ["a: $1,234"]
    assert chart.panels[0].plots[0].curves[0].y[0] == 0.0
    assert chart.rows[1][:2] == ("a", 60.0)
    assert len(chart.rows) == 200


def test_capacity_has_one_panel_for_each_policy_on_the_same_scales() -> None:
    chart = capacity_chart({"a": series_of(run(1)), "b": series_of(run(2)), "none": series_of(empty_run())})
    assert [panel.heading for panel in chart.panels] == ["a", "b"]
    first, second = (panel.plots for panel in chart.panels)
    assert first[0].y is second[0].y
    spot, both, booting, _ = first[0].curves
    assert (spot.y < both.y).all()
    assert both.base is not None
    assert booting.base is not None
    assert (booting.base <= booting.y).all()


def test_interruptions_are_counted_in_intervals() -> None:
    chart = interruption_chart({"a": series_of(run(1)), "quiet": series_of(run(2, interruptions=0))})
    counts = [row[2] for row in chart.rows if row[0] == "a"]
    assert sum(int(str(each)) for each in counts) == series_of(run(1))["interruptions"][-1] == 6
    assert [panel.heading for panel in chart.panels] == ["a: 6"]
    assert "Without interruptions: quiet." in chart.text


def test_survival_counts_ended_instances_as_censored() -> None:
    lives = [Life(10.0, interrupted=True), Life(20.0, interrupted=False), Life(30.0, interrupted=True)]
    result = RunResult(seed=1, end_s=60.0, totals=Totals(), ready_s=np.array([]), lives=lives)
    chart = survival_chart({"a": result, "none": empty_run()})
    assert [row[:3] for row in chart.rows] == [("a", 10.0, pytest.approx(2 / 3)), ("a", 30.0, 0.0)]
    assert [key.text for key in chart.keys] == ["a: 3 launched, 2 interrupted"]


def test_the_axis_of_a_high_survival_begins_just_below() -> None:
    lives = [Life(10.0, interrupted=number < 2) for number in range(1000)]
    result = RunResult(seed=1, end_s=60.0, totals=Totals(), ready_s=np.array([]), lives=lives)
    assert "The axis begins at 99.8" in survival_chart({"a": result}).text


def test_times_to_ready_are_cumulative_shares_with_deadlines() -> None:
    ready = np.array([30.0, 60.0, 120.0, 1200.0])
    result = RunResult(seed=1, end_s=60.0, totals=Totals(), ready_s=ready)
    chart = ready_chart({"a": result, "none": empty_run()}, (900.0,))
    assert chart.rows[0] == ("a", 30.0, 0.25)
    assert chart.rows[-1][2] == 1.0
    plot = chart.panels[0].plots[0]
    assert [text for _, text in plot.verticals] == ["deadline 15 min"]
    assert (np.diff(plot.curves[0].x) > 0).all()
    assert (np.diff(plot.curves[0].y) >= 0).all()


def test_runs_without_data_give_charts_without_panels() -> None:
    runs, series = {"none": empty_run()}, {"none": series_of(empty_run())}
    charts = (
        cost_chart(series, {"none": 0.0}),
        capacity_chart(series),
        interruption_chart(series),
        survival_chart(runs),
        ready_chart(runs, ()),
    )
    assert all(not chart.panels and not chart.rows for chart in charts)


def test_rows_of_a_long_run_are_few_and_have_its_peaks() -> None:
    found = run(1, samples=43_200)
    series = series_of(found)
    rows = series.rows("a")
    assert len(rows) < 5000
    assert max(float(str(row[5])) for row in rows) == pytest.approx(series["busy"].max())
    assert end_of({"a": series}) == 43_199 * 60.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(48.2, "48 s"), (900.0, "15 min"), (750.0, "12.5 min"), (11_520.0, "3.2 h")]
)
def test_durations_are_in_the_unit_in_which_they_are_read(seconds: float, text: str) -> None:
    assert duration(seconds) == text
