"""States of alarms, by the tables of the CloudWatch guide ("How alarm state is evaluated ... missing")."""

from __future__ import annotations

import pytest

from eddyline.fleet.scaling import alarms, metric_names
from eddyline.fleet.scaling.alarms import Alarm, Missing
from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.model.alarm_model import AlarmModel, AlarmState, alarm_state

TREATMENTS: tuple[Missing, ...] = ("missing", "ignore", "breaching", "notBreaching")
# "0" within the threshold, "X" breaching, "-" missing; then the states by treatment; "retain": as before.
THREE_OF_THREE = {
    "0-X-X": ("OK", "OK", "OK", "OK"),
    "0----": ("OK", "OK", "OK", "OK"),
    "-----": ("INSUFFICIENT_DATA", "retain", "ALARM", "OK"),
    "0XX-X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "----X": ("INSUFFICIENT_DATA", "retain", "ALARM", "OK"),
    "X----": ("ALARM", "retain", "ALARM", "OK"),
}
TWO_OF_THREE = {
    "0-X-X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "00X0X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0-X--": ("OK", "OK", "ALARM", "OK"),
    "----0": ("OK", "OK", "ALARM", "OK"),
    "----X": ("INSUFFICIENT_DATA", "retain", "ALARM", "OK"),
}
CASES = [
    (points, datapoints, treatment, expected)
    for datapoints, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for points, row in table.items()
    for treatment, expected in zip(TREATMENTS, row, strict=True)
]


@pytest.mark.parametrize(("points", "datapoints", "treatment", "expected"), CASES)
@pytest.mark.parametrize("before", list(AlarmState))
def test_the_state_is_that_of_the_guide(
    points: str, datapoints: int, treatment: Missing, expected: str, before: AlarmState
) -> None:
    breaching = [{"0": False, "X": True, "-": None}[point] for point in points]
    found = alarm_state(breaching, periods=3, datapoints=datapoints, missing=treatment, before=before)
    assert found == (before if expected == "retain" else expected)


def test_an_expression_without_one_of_its_metrics_has_no_value() -> None:
    model = AlarmModel(alarms.on_demand_out(Bounds(spot_max=10, on_demand_max=10)))
    name = metric_names.SPOT_SHORTFALL.name
    assert model.update({name: 5.0}) is AlarmState.OK
    assert model.update({name: 5.0, metric_names.OLDEST_DUE_JOB.name: 700.0}) is AlarmState.ALARM
    assert model.value == 5.0
    assert model.update({name: 5.0, metric_names.OLDEST_DUE_JOB.name: 500.0}) is AlarmState.OK


def test_an_alarm_that_scales_ends_within_minutes_of_its_last_data() -> None:
    model = AlarmModel(alarms.from_zero(Bounds(spot_max=10)))
    breaching = {metric_names.WANTED.name: 9.0, metric_names.SPOT_IN_SERVICE.name: 0.0}
    assert model.update(breaching) is AlarmState.ALARM
    states = [model.update({}) for _ in range(4)]
    assert states[-1] is AlarmState.OK
    assert states.count(AlarmState.ALARM) <= 2


def test_the_alarm_for_missing_metrics_notifies_only_without_data() -> None:
    (alarm,) = [each for each in alarms.notifications(Bounds(spot_max=10)) if each.name == "metrics-missing"]
    model = AlarmModel(alarm)
    assert {model.update({metric_names.WANTED.name: 0.0}) for _ in range(10)} == {AlarmState.OK}
    states = [model.update({}) for _ in range(8)]
    assert states[0] is AlarmState.OK
    assert states[-1] is AlarmState.ALARM


def test_a_comparison_is_strict_unless_the_alarm_says_otherwise() -> None:
    alarm = Alarm(name="a", metrics=(), threshold=5.0, missing="missing")
    assert [alarm.breaches(value) for value in (4.0, 5.0, 6.0)] == [False, False, True]
    below = Alarm(name="a", metrics=(), threshold=5.0, missing="missing", above=False, or_equal=True)
    assert [below.breaches(value) for value in (4.0, 5.0, 6.0)] == [True, True, False]
    assert (alarm.comparison, below.comparison) == (
        "GreaterThanThreshold",
        "LessThanOrEqualToThreshold",
    )
