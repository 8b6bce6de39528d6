"""When on-demand instances replace missing Spot capacity."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.purchase import spot_shortfall
from eddyline.graph.pool_sample import PoolSample

BOUNDS = Bounds(spot_max=1000, on_demand_max=500, on_demand_after_s=600)
MINUTES = 11  # the bound, and the present minute


def samples(
    wanted: Sequence[int | None], spot: Sequence[int], on_demand: Sequence[int] | None = None
) -> list[PoolSample]:
    return [
        PoolSample(
            minute=60 * number, pool="cpu", wanted_vcpu=each, spot_vcpu=provided, on_demand_vcpu=replaced
        )
        for number, (each, provided, replaced) in enumerate(
            zip(wanted, spot, on_demand or [0] * len(spot), strict=True)
        )
    ]


def shortfall(found: Sequence[PoolSample], bounds: Bounds = BOUNDS) -> int:
    return spot_shortfall(found, bounds, now=found[-1].minute + 5.0)


def test_capacity_that_is_missing_for_the_bound_is_a_shortfall() -> None:
    assert shortfall(samples([300] * MINUTES, [100] * MINUTES)) == 200


def test_a_shorter_history_is_none() -> None:
    assert shortfall(samples([300] * (MINUTES - 1), [0] * (MINUTES - 1))) == 0


def test_an_interruption_is_none_before_the_bound() -> None:
    assert shortfall(samples([300] * MINUTES, [300] * (MINUTES - 1) + [0])) == 0
    assert shortfall(samples([300] * (MINUTES + 12), [300] * MINUTES + [0] * 12)) == 300


def test_capacity_that_was_only_wanted_for_a_while_is_none() -> None:
    assert shortfall(samples([300] * 5 + [50] + [300] * 5, [50] * MINUTES)) == 0


def test_growing_demand_that_spot_follows_within_the_bound_is_none() -> None:
    wanted = list(range(0, 1000, 40))
    assert shortfall(samples(wanted, [max(each - 40 * 6, 0) for each in wanted])) == 0


def test_spot_that_is_interrupted_soon_after_each_launch_is_missing() -> None:
    assert shortfall(samples([300] * 24, ([300] * 3 + [0] * 9) * 2)) == 300


def test_on_demand_above_the_base_replaces_spot_from_its_launch() -> None:
    bounds = Bounds(spot_max=1000, on_demand_min=50, on_demand_max=500, on_demand_after_s=600)
    assert shortfall(samples([350] * MINUTES, [100] * MINUTES, [50] * MINUTES), bounds) == 200
    booting = [50] * (MINUTES - 1) + [250]
    assert shortfall(samples([350] * MINUTES, [100] * MINUTES, booting), bounds) == 0


def test_what_target_tracking_tolerates_does_not_count() -> None:
    assert shortfall(samples([110] * MINUTES, [100] * MINUTES)) == 0
    assert shortfall(samples([112] * MINUTES, [100] * MINUTES)) == 12


def test_spot_cannot_lack_more_than_its_maximum() -> None:
    assert shortfall(samples([9000] * MINUTES, [400] * MINUTES)) == 600


def test_an_unknown_demand_is_none() -> None:
    assert shortfall(samples([300] * 5 + [None] + [300] * 5, [0] * MINUTES)) == 0


@pytest.mark.parametrize("after_s", [0.0, 60.0, 86_400.0])
def test_the_bound_may_be_anything(after_s: float) -> None:
    bounds = Bounds(spot_max=1000, on_demand_after_s=after_s)
    count = int(after_s // 60) + 2
    assert shortfall(samples([300] * count, [100] * count), bounds) == 200


@given(st.lists(st.tuples(*[st.integers(0, 10**6)] * 3), min_size=1, max_size=30), st.integers(0, 10**5))
def test_it_is_between_zero_and_the_maximum_of_spot(
    given_values: list[tuple[int, int, int]], spot_max: int
) -> None:
    wanted, spot, on_demand = zip(*given_values, strict=True)
    found = shortfall(samples(wanted, spot, on_demand), Bounds(spot_max=spot_max, on_demand_after_s=300))
    assert 0 <= found <= spot_max
