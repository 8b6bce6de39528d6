"""The exact interval of a Poisson count."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.record.poisson import at_least, at_most, count_interval


# Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936), and R's poisson.test.
@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        (0, 0.0, 3.69),
        (1, 0.025, 5.57),
        (2, 0.242, 7.22),
        (5, 1.62, 11.67),
        (10, 4.80, 18.39),
        (20, 12.22, 30.89),
        (50, 37.11, 65.92),
        (100, 81.36, 121.63),
    ],
)
def test_the_interval_equals_the_published_one(count: int, low: float, high: float) -> None:
    assert count_interval(count) == pytest.approx((low, high), abs=0.006)


def test_the_interval_at_99_percent_equals_the_published_one() -> None:
    assert count_interval(10, 0.99) == pytest.approx((3.717, 21.398), abs=1e-3)


def test_without_events_the_upper_bound_is_the_logarithm_of_the_tail() -> None:
    assert count_interval(0, 0.9) == pytest.approx((0.0, -math.log(0.05)))


def test_a_hundred_thousand_events_are_safe_and_fast() -> None:
    started = time.process_time()
    low, high = count_interval(100_000)
    assert time.process_time() - started < 2
    # The normal approximation of the square root: within 1 of the exact bounds for such a count.
    assert low == pytest.approx((math.sqrt(100_000) - 0.98) ** 2, abs=1)
    assert high == pytest.approx((math.sqrt(100_001) + 0.98) ** 2, abs=2)


@given(st.integers(0, 2000), st.floats(0.5, 0.999))
def test_the_bounds_leave_half_of_the_rest_on_each_side(count: int, confidence: float) -> None:
    low, high = count_interval(count, confidence)
    tail = (1 - confidence) / 2
    assert low <= count <= high
    assert at_most(count, high) == pytest.approx(tail, rel=1e-6)
    if count:
        assert at_least(count, low) == pytest.approx(tail, rel=1e-6)


@given(st.integers(1, 500), st.floats(0.01, 500))
def test_both_tails_add_up_to_one(count: int, mean: float) -> None:
    assert at_most(count - 1, mean) + at_least(count, mean) == pytest.approx(1.0)


def test_probabilities_are_sums_of_the_definition() -> None:
    probabilities = [math.exp(-2.5) * 2.5**k / math.factorial(k) for k in range(8)]
    for count in range(8):
        assert at_most(count, 2.5) == pytest.approx(sum(probabilities[: count + 1]))
    assert at_least(0, 2.5) == 1.0
    assert at_most(0, 0.0) == 1.0


@pytest.mark.parametrize(("count", "confidence"), [(-1, 0.95), (10**8, 0.95), (1, 0.0), (1, 1.0)])
def test_values_without_an_interval_are_refused(count: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and"):
        count_interval(count, confidence)
