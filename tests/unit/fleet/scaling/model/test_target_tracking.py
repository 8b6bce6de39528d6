"""Target tracking, as AWS documents it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.model.target_tracking import tracked_capacity, tracking_alarms
from eddyline.fleet.scaling.policies import pool_scaling

POLICY = pool_scaling(Bounds(spot_max=100, target_backlog_s=300)).target_tracking


def test_capacity_is_proportional_and_rounded_up() -> None:
    assert tracked_capacity(100, 300.0, 300.0) == 100
    assert tracked_capacity(100, 450.0, 300.0) == 150
    assert tracked_capacity(100, 201.0, 300.0) == 67
    assert tracked_capacity(10, 0.0, 300.0) == 0


@given(st.integers(0, 10**6), st.floats(0, 1e7))
def test_the_metric_is_at_most_its_target_at_the_new_capacity(capacity: int, value: float) -> None:
    wanted = tracked_capacity(capacity, value, 300.0)
    assert wanted * 300.0 >= capacity * value * (1 - 1e-6) - 1e-3
    assert (wanted - 1) * 300.0 < capacity * value + 1e-3


def test_it_scales_out_after_three_minutes_and_in_after_fifteen() -> None:
    high, low = tracking_alarms(POLICY)
    assert (high.periods, low.periods) == (3, 15)
    assert [high.breaches(value) for value in (300.0, 301.0)] == [False, True]
    assert [low.breaches(value) for value in (269.0, 271.0)] == [True, False]
    assert high.missing == low.missing == "missing"
