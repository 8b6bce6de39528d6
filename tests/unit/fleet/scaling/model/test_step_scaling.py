"""Step scaling, with the examples of the EC2 Auto Scaling guide."""

from __future__ import annotations

import pytest

from eddyline.fleet.scaling.alarms import Alarm
from eddyline.fleet.scaling.model.step_scaling import step_for, stepped_capacity
from eddyline.fleet.scaling.policies import Adjustment, Step, StepScaling


def policy(kind: Adjustment) -> StepScaling:
    """The guide's example: a threshold of 50, and steps at 50, 60 and 70."""
    return StepScaling(
        name="example",
        purchase="spot",
        adjustment_type=kind,
        steps=(
            Step(lower=0, upper=10, adjustment=0),
            Step(lower=10, upper=20, adjustment=1),
            Step(lower=20, upper=None, adjustment=3),
        ),
        alarm=Alarm(name="a", metrics=(), threshold=50.0, missing="missing"),
    )


@pytest.mark.parametrize(("value", "adjustment"), [(50, 0), (59.9, 0), (60, 1), (69, 1), (70, 3), (1e9, 3)])
def test_the_lower_bound_is_inclusive_and_the_upper_exclusive(value: float, adjustment: int) -> None:
    assert step_for(policy("ChangeInCapacity"), value).adjustment == adjustment


def test_a_change_adds_to_the_capacity_and_an_exact_one_replaces_it() -> None:
    assert stepped_capacity(policy("ChangeInCapacity"), 75, 11) == 14
    assert stepped_capacity(policy("ExactCapacity"), 75, 11) == 3


def test_a_value_below_the_threshold_has_no_step() -> None:
    with pytest.raises(ValueError, match="no step of example"):
        step_for(policy("ChangeInCapacity"), 40)
