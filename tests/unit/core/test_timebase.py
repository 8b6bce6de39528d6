from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.timebase import nominal_rate, rescale


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**6), st.integers(1, 10**6))
def test_rescaled_ticks_are_the_nearest(ticks: int, old: int, new: int) -> None:
    exact = Fraction(ticks * new, old)
    assert abs(rescale(ticks, old, new) - exact) <= Fraction(1, 2)


def test_halves_round_up() -> None:
    assert [rescale(ticks, 2, 1) for ticks in (-3, -1, 1, 3)] == [-1, 0, 1, 2]


@given(st.integers(0, 10**9))
def test_rescaling_to_a_finer_scale_and_back_is_exact(ticks: int) -> None:
    assert rescale(rescale(ticks, 30_000, 90_000), 90_000, 30_000) == ticks


def test_an_hour_of_ntsc_frames_stays_exact() -> None:
    frames = 30 * 3600
    assert rescale(frames * 1001, 30_000, 90_000) == frames * 3003


@pytest.mark.parametrize(
    ("mean", "rate"),
    [
        (Fraction("29.97"), Fraction(30_000, 1001)),
        (Fraction("29.9698"), Fraction(30_000, 1001)),
        (Fraction("59.94"), Fraction(60_000, 1001)),
        (Fraction("23.976"), Fraction(24_000, 1001)),
        (Fraction("119.88"), Fraction(120_000, 1001)),
        (Fraction("25.0001"), Fraction(25)),
        (Fraction(30), Fraction(30)),
        (Fraction(15, 2), Fraction(15, 2)),
        (Fraction("17.3"), Fraction(173, 10)),
    ],
)
def test_a_measured_rate_maps_to_its_nominal_rate(mean: Fraction, rate: Fraction) -> None:
    assert nominal_rate(mean) == rate
