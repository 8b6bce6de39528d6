from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.sim.report.axis import Axis, elapsed_axis, linear_axis, log_time_axis, nines_axis, share_axis


def labels(axis: Axis) -> list[str]:
    return [label for _, label in axis.ticks]


def test_a_linear_axis_ends_at_a_round_tick_above_the_values() -> None:
    axis = linear_axis("US dollars", 37.0)
    assert labels(axis) == ["0", "10", "20", "30", "40"]
    assert axis.place(20.0) == 0.5


def test_counts_have_whole_ticks() -> None:
    assert labels(linear_axis("interruptions", 2.0, whole=True)) == ["0", "1", "2"]


@pytest.mark.parametrize("most", [0.0, -1.0, math.nan, math.inf])
def test_an_axis_without_values_still_has_a_scale(most: float) -> None:
    assert labels(linear_axis("slots", most))[-1] == "1"


@pytest.mark.parametrize(
    ("end_s", "last"),
    [
        (0.0, "0 min"),
        (3000.0, "50 min"),
        (6 * 3600.0, "6 h"),
        (86_400.0, "24 h"),
        (30 * 86_400.0, "30 d"),
        (1e9, "10000 d"),
    ],
)
def test_elapsed_time_is_in_the_unit_that_needs_few_ticks(end_s: float, last: str) -> None:
    axis = elapsed_axis(end_s)
    assert labels(axis)[-1] == last
    assert len(axis.ticks) <= 8


def test_shares_near_one_get_a_narrow_axis_with_enough_digits() -> None:
    assert labels(share_axis("survival", 0.9972))[-2:] == ["99.9 %", "100.0 %"]
    assert labels(share_axis("survival", 0.1))[0] == "0 %"
    assert labels(share_axis("survival", 1.0))[-1] == "100.000 %"


def test_durations_have_usual_ticks_on_a_logarithmic_axis() -> None:
    axis = log_time_axis("time to ready", 40.0, 4000.0)
    assert labels(axis) == ["1 min", "5 min", "15 min", "1 h"]
    assert axis.place(400.0) == pytest.approx(0.5)
    assert axis.place(0.0) == 0.0


def test_each_nine_takes_the_same_room() -> None:
    axis = nines_axis("ready", 0.999)
    assert labels(axis) == ["0 %", "50 %", "90 %", "99 %", "99.9 %"]
    assert axis.place(0.9) == pytest.approx(1 / 3)
    assert axis.place(1.0) == 1.0


@given(st.floats(1e-6, 1e12), st.integers(1, 8))
def test_values_stay_within_the_axis(most: float, parts: int) -> None:
    axis = linear_axis("unit", most, parts=parts)
    assert 0 <= axis.place(most) <= 1 + 1e-9
    assert len(axis.ticks) <= parts + 2
    places = axis.scale(np.linspace(0, most, 5))
    assert (np.diff(places) > 0).all()
