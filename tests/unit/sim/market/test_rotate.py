"""Rotated and scaled markets have the same available instance-seconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.sim.market.markets import END_S, market, markets, pool

from eddyline.core.errors import UsageError
from eddyline.sim.market.market import Market, Wave
from eddyline.sim.market.parse import parse_market
from eddyline.sim.market.rotate import rotate, scale


@given(markets, st.integers(2, 7))
def test_each_rotation_has_the_instance_seconds_of_its_pool(given_market: Market, rotations: int) -> None:
    rotated = rotate(given_market, rotations)
    assert len({each.name for each in rotated.pools}) == rotations * len(given_market.pools)
    for number, each in enumerate(rotated.pools):
        original = given_market.pools[number // rotations]
        assert each.unit_seconds(END_S) == pytest.approx(original.unit_seconds(END_S), rel=1e-9, abs=1e-6)


@given(markets, st.integers(2, 6), st.floats(0, END_S, exclude_max=True))
def test_a_rotation_has_the_count_of_the_earlier_time(
    given_market: Market, rotations: int, time: float
) -> None:
    for number, each in enumerate(rotate(given_market, rotations).pools):
        original = given_market.pools[number // rotations]
        shifted = (time - (number % rotations) * END_S / rotations) % END_S
        edges = [t for node in original.nodes for t in node if t is not None]
        edges += [0.0, END_S, *(at for at, _ in original.capacity)]
        if all(abs(shifted - edge) > 1e-6 for edge in edges):
            assert each.count_at(time) == original.count_at(shifted)


@given(markets, st.integers(1, 9))
def test_a_scaled_market_has_n_times_the_instance_seconds(given_market: Market, factor: int) -> None:
    for before, after in zip(given_market.pools, scale(given_market, factor).pools, strict=True):
        assert after.unit_seconds(END_S) == pytest.approx(factor * before.unit_seconds(END_S), rel=1e-12)
        assert after.units == factor * before.units


def test_a_node_that_crosses_the_end_is_split() -> None:
    second = rotate(market(pool(nodes=((3000.0, 5000.0), (3500.0, None)))), 2).pools[1]
    assert second.nodes == ((0.0, 1400.0), (0.0, 3600.0), (6600.0, None), (7100.0, None))
    assert (second.name, second.zone) == ("a+1", "us-east-1a+1")


def test_a_node_that_ends_at_the_new_end_is_reclaimed_there() -> None:
    second = rotate(market(pool(nodes=((100.0, 3600.0),))), 2).pools[1]
    assert second.nodes == ((3700.0, 7200.0),)


def test_changes_wrap_around_the_end() -> None:
    second = rotate(
        market(pool(capacity=((0.0, 1), (600.0, 3), (4000.0, 2)), waves=(Wave(at=5000, share=1),))), 2
    )
    assert second.pools[1].capacity == ((0.0, 3), (400.0, 2), (3600.0, 1), (4200.0, 3))
    assert [wave.at for wave in second.pools[1].waves] == [1400.0]


def test_one_rotation_is_the_market() -> None:
    original = market(pool(capacity=((0.0, 1),)))
    assert rotate(original, 1) is original


@pytest.mark.parametrize("rotations", [0, -1, 20_000])
def test_rotations_are_bounded(rotations: int) -> None:
    with pytest.raises(UsageError, match="rotations"):
        rotate(market(pool(capacity=((0.0, 1),))), rotations)


def test_instances_per_unit_are_bounded() -> None:
    with pytest.raises(UsageError, match="instances for each"):
        scale(market(pool(capacity=((0.0, 1),))), 1_000_000)
    with pytest.raises(UsageError, match="changes and nodes"):
        scale(market(pool(nodes=((0.0, None),) * 200)), 10_000)


def test_a_rotated_market_is_a_valid_file() -> None:
    rotated = rotate(market(pool(nodes=((3000.0, 5000.0), (0.0, None)))), 3)
    fields = {**vars(rotated), "format": "spot-market", "version": 1}
    fields["pools"] = [
        {
            "name": p.name,
            "type": p.type,
            "zone": p.zone,
            "units": p.units,
            "nodes": [list(n) for n in p.nodes],
        }
        for p in rotated.pools
    ]
    assert parse_market(fields, "m.json") == rotated
