from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.media.source.frame_rate import frame_rate
from eddyline.mp4.presentation import Presentation

_RATES = [
    *(Fraction(n * 1000, 1001) for n in (24, 30, 60, 120)),
    *(Fraction(n) for n in (24, 25, 30, 50, 60, 100, 120)),
]


def _shown(times: list[int], last: int) -> Presentation:
    pts = np.array(times, np.int64)
    return Presentation(sample=np.arange(len(pts)), pts=pts, end=times[-1] + last)


@given(
    rate=st.sampled_from(_RATES),
    frames=st.integers(2, 400),
    timescale=st.sampled_from((90_000, 30_000, 600_000)),
    start=st.integers(0, 10**9),
)
def test_times_rounded_to_ticks_give_the_rate_exactly(
    rate: Fraction, frames: int, timescale: int, start: int
) -> None:
    times = [start + round(k * timescale / rate) for k in range(frames)]
    measured, variable = frame_rate(_shown(times, 1), timescale)
    assert not variable
    # Two frames of 120 fps at 90 kHz do not distinguish 120 from 119.88; a longer clip does.
    assert measured == rate or frames * timescale / rate < 4000 * 2


@given(rate=st.sampled_from(_RATES[:-1]), frames=st.integers(60, 400))
def test_times_rounded_to_milliseconds_count_as_constant(rate: Fraction, frames: int) -> None:
    times = [16 * round(k * 1000 / rate) for k in range(frames)]
    measured, variable = frame_rate(_shown(times, 16), 16_000)
    assert not variable
    assert abs(measured / rate - 1) < Fraction(1, 900)


@pytest.mark.parametrize("left_out", [1, 20, 38])
def test_one_missing_frame_is_detected_at_any_position(left_out: int) -> None:
    times = [3003 * k for k in range(40) if k != left_out]
    assert frame_rate(_shown(times, 3003), 90_000)[1]


def test_a_nonstandard_rate_is_kept() -> None:
    assert frame_rate(_shown([k * 2000 for k in range(50)], 2000), 35_000) == (Fraction(35, 2), False)


@pytest.mark.parametrize(
    ("length", "rate"), [(3600, Fraction(25)), (0, Fraction(1000)), (10**12, Fraction(1, 3600))]
)
def test_the_rate_of_one_frame_follows_from_its_duration_within_bounds(length: int, rate: Fraction) -> None:
    assert frame_rate(_shown([0], length), 90_000) == (rate, False)


def test_frames_with_equal_times_give_a_bounded_rate() -> None:
    rate, _ = frame_rate(_shown([5, 5, 5], 1), 90_000)
    assert rate == 1000
