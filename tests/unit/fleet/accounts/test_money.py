"""Exact division of nano-dollars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.accounts.money import Cost, apportion, nanos_of, per_minute, usd_of


@given(st.integers(0, 10**20), st.lists(st.integers(0, 10**24), max_size=40))
def test_parts_sum_to_the_total_and_differ_from_the_share_by_less_than_one(
    total: int, weights: list[int]
) -> None:
    parts = apportion(total, weights)
    whole = sum(weights)
    assert sum(parts) == (total if whole else 0)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * whole - total * weight) < whole or not whole


def test_the_largest_remainders_get_the_units() -> None:
    assert apportion(10, [1, 1, 1]) == [4, 3, 3]
    assert apportion(7, [2, 2, 1]) == [3, 3, 1]
    assert apportion(5, []) == []
    assert apportion(5, [0, 0]) == [0, 0]


@pytest.mark.parametrize(("total", "weights"), [(-1, [1]), (1, [1, -1])])
def test_negative_amounts_are_refused(total: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="negative"):
        apportion(total, weights)


def test_prices_and_minutes() -> None:
    assert nanos_of(0.0324) == 32_400_000
    assert nanos_of(1.428) == 1_428_000_000
    assert usd_of(1_500_000_000) == 1.5
    assert per_minute(90, 30_000_000) == 180
    assert per_minute(90, 0) is None
    assert Cost(1, 2) + Cost(3, 4) == Cost(4, 6)
