"""The scaling policies of a pool, and the rules of AWS that they must obey."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.scaling import metric_names
from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.policies import Step, StepScaling, pool_scaling
from eddyline.fleet.scaling.table import scaling_table

BOUNDS = Bounds(spot_max=3200, on_demand_min=32, on_demand_max=320, machine_vcpu=32)


@st.composite
def bounds(draw: st.DrawFn) -> Bounds:
    spot_min, on_demand_min = draw(st.integers(0, 500)), draw(st.integers(0, 500))
    return Bounds(
        spot_min=spot_min,
        spot_max=spot_min + draw(st.integers(0, 100_000)),
        on_demand_min=on_demand_min,
        on_demand_max=on_demand_min + draw(st.integers(0, 100_000)),
        machine_vcpu=draw(st.integers(1, 192)),
        on_demand_after_s=draw(st.floats(0, 86_400)),
        predictive=draw(st.booleans()),
    )


def step_for(policy: StepScaling, value: float) -> Step:
    above = value - policy.alarm.threshold
    (found,) = [
        step
        for step in policy.steps
        if step.lower <= above < (math.inf if step.upper is None else step.upper)
    ]
    return found


@given(bounds())
def test_steps_have_no_gaps_and_at_most_twenty(given_bounds: Bounds) -> None:
    for policy in pool_scaling(given_bounds).steps:
        assert 1 <= len(policy.steps) <= 20
        assert policy.steps[0].lower == 0
        assert policy.steps[-1].upper is None
        for before, after in zip(policy.steps, policy.steps[1:], strict=False):
            assert before.upper == after.lower
            assert before.lower < after.lower
            assert abs(before.adjustment) < abs(after.adjustment)


@given(bounds(), st.floats(0.01, 200_000))
def test_a_step_adds_at_most_what_is_wanted_but_at_least_one_machine(
    given_bounds: Bounds, value: float
) -> None:
    for policy in pool_scaling(given_bounds).steps:
        if not policy.alarm.breaches(value):
            continue
        size = abs(step_for(policy, value).adjustment)
        room = given_bounds.on_demand_max - given_bounds.on_demand_min
        most = given_bounds.spot_max if policy.purchase == "spot" else room
        assert size <= most
        assert size <= max(value, given_bounds.machine_vcpu)
        assert size >= min(most, value / 2)


def test_only_the_alarm_for_missing_metrics_and_other_notifications_breach_without_data() -> None:
    scaling = pool_scaling(BOUNDS)
    assert {policy.alarm.missing for policy in scaling.steps} == {"notBreaching"}
    assert all(not alarm.scaling for alarm in scaling.notifications)
    missing = {alarm.name: alarm.missing for alarm in scaling.notifications}
    assert missing["metrics-missing"] == "breaching"
    (lost,) = [alarm for alarm in scaling.notifications if alarm.name == "metrics-missing"]
    assert not any(lost.breaches(value) for value in (0.0, 1.0, 5000.0))


def test_on_demand_is_given_back_before_target_tracking_scales_spot_in() -> None:
    (back,) = [policy for policy in pool_scaling(BOUNDS).steps if policy.name == "od-in"]
    assert back.alarm.periods * back.alarm.period_s < 15 * 60
    assert all(step.adjustment < 0 for step in back.steps)


def test_the_start_from_zero_takes_one_period() -> None:
    (start,) = [policy for policy in pool_scaling(BOUNDS).steps if policy.name == "spot-from-zero"]
    assert (start.alarm.period_s, start.alarm.periods, start.alarm.datapoints) == (60, 1, 1)
    assert start.adjustment_type == "ExactCapacity"
    assert step_for(start, 1).adjustment == 32
    assert step_for(start, 100).adjustment == 72
    assert step_for(start, 1e6).adjustment == 3200


def test_a_pool_without_room_for_on_demand_has_no_on_demand_policies() -> None:
    scaling = pool_scaling(Bounds(spot_max=64, on_demand_min=16, on_demand_max=16, machine_vcpu=16))
    assert [policy.name for policy in scaling.steps] == ["spot-from-zero"]
    assert scaling.groups[1].min_size == scaling.groups[1].max_size == 16


def test_sums_would_count_each_coordinator() -> None:
    assert {metric.statistic for metric in metric_names.METRICS} == {"Average", "Maximum"}


@pytest.mark.parametrize("wrong", [{"spot_min": 9, "spot_max": 8}, {"spot_max": 8, "machine_vcpu": 0}])
def test_invalid_bounds_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"must be|does not hold"):
        Bounds(**wrong)  # type: ignore[arg-type]


def test_the_table_has_the_names_and_attributes_of_terraform() -> None:
    table = scaling_table({"cpu": BOUNDS}, "eddyline")["cpu"]
    assert table["groups"]["spot"]["name"] == "eddyline-cpu-spot"
    assert table["groups"]["od"]["min_size"] == 32
    tracking, start, out, back = table["policies"]
    specification = tracking["target_tracking_configuration"]["customized_metric_specification"]
    assert specification["metric_name"] == "BacklogSecondsPerVcpu"
    assert specification["metric_dimension"] == {"Prefix": "eddyline", "Pool": "cpu"}
    assert start["autoscaling_group_name"] == "eddyline-cpu-spot"
    assert out["autoscaling_group_name"] == back["autoscaling_group_name"] == "eddyline-cpu-od"
    by_name = {alarm["alarm_name"]: alarm for alarm in table["alarms"]}
    assert by_name["eddyline-cpu-od-out"]["metric_query"][-1]["expression"] == "IF(age >= 600, shortfall, 0)"
    assert by_name["eddyline-cpu-od-out"]["scaling_policy"] == "eddyline-cpu-od-out"
    assert by_name["eddyline-cpu-metrics-missing"]["scaling_policy"] is None


def test_every_metric_of_the_policies_is_published() -> None:
    published = {metric.name for metric in metric_names.METRICS}
    table = scaling_table({"cpu": BOUNDS}, "eddyline")["cpu"]
    read = {
        query["metric"]["metric_name"]
        for alarm in table["alarms"]
        for query in alarm.get("metric_query", ())
        if "metric" in query
    }
    read |= {
        alarm["metric_name"] for alarm in table["alarms"] if alarm.get("namespace") == metric_names.NAMESPACE
    }
    assert read
    assert read <= published


def test_predictive_scaling_is_an_option() -> None:
    assert pool_scaling(BOUNDS).predictive is None
    table = scaling_table({"cpu": Bounds(spot_max=8, predictive=True)}, "eddyline")["cpu"]
    assert table["policies"][-1]["policy_type"] == "PredictiveScaling"
