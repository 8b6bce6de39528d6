"""Metric math of the alarms."""

from __future__ import annotations

import pytest

from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.model.expressions import evaluate
from eddyline.fleet.scaling.policies import pool_scaling


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a - b", 6.0),
        ("IF(a >= 10, b, 0)", 4.0),
        ("IF(a > 10, b, 0)", 0.0),
        ("IF(b > 0, 0, a - 3.5)", 0.0),
        ("a * b / 2 + 1", 21.0),
        ("a == 10", 1.0),
    ],
)
def test_an_expression_has_the_value_that_cloudwatch_documents(expression: str, expected: float) -> None:
    assert evaluate(expression, {"a": 10.0, "b": 4.0}) == expected


@pytest.mark.parametrize("expression", ["FILL(a, 0)", "a ** b", "'text'", "IF(a)", "a < b < 3"])
def test_metric_math_without_a_model_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="no metric math"):
        evaluate(expression, {"a": 1.0, "b": 2.0})


def test_every_alarm_can_be_evaluated() -> None:
    scaling = pool_scaling(Bounds(spot_max=100, on_demand_min=7, on_demand_max=50))
    for policy in scaling.steps:
        values = {name: 1.0 for name, _ in policy.alarm.metrics}
        assert isinstance(evaluate(policy.alarm.expression, values), float)
