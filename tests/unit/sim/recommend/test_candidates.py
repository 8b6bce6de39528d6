from __future__ import annotations

from dataclasses import replace

import pytest

from eddyline.core.errors import UsageError
from eddyline.fleet.instance_types import family
from eddyline.fleet.pools import Pools, load_pools
from eddyline.sim.recommend.candidates import LISTS, candidates, other_pools
from eddyline.sim.types import builtin_types

POOLS = load_pools()


def test_lists_are_for_the_pool_that_chunks_go_to() -> None:
    found = candidates(builtin_types(), POOLS)
    assert {each.pool.name for each in found} == {"cpu"}
    assert len(found) == len(LISTS)
    assert all(one.arch == "x86_64" and not one.gpu for each in found for one in each.types)


def test_a_list_begins_with_the_cheapest_type_and_is_spread_over_families() -> None:
    for each in candidates(builtin_types(), POOLS, pool="graviton"):
        rates = [one.frames_per_usd(spot=True) or 0.0 for one in each.types]
        assert rates == sorted(rates, reverse=True)
        names = [family(one.name) for one in each.types]
        assert max(map(names.count, names)) <= 2
        assert all(4 <= one.vcpu <= 64 for one in each.types)


def test_slots_are_limited_by_the_memory_of_a_machine() -> None:
    (name,) = [name for name in builtin_types() if name == "c7a.12xlarge"]
    small = {name: replace(builtin_types()[name], memory_gib=8.0)}
    assert candidates(small, POOLS)[0].slots == (2,)
    unknown = {name: replace(builtin_types()[name], memory_gib=None)}
    assert candidates(unknown, POOLS)[0].slots == (24,)


def test_offers_are_spot_in_each_zone_and_on_demand() -> None:
    each = candidates(builtin_types(), POOLS)[0]
    offers = each.offers(zones="ab", reference_fps=22.0)
    assert len(offers) == 3 * len(each.types)
    first = offers[0]
    assert (first.name, first.spot, first.slots) == (f"{each.types[0].name}/a", True, each.slots[0])
    assert first.power * 22.0 == pytest.approx(each.types[0].fps)
    assert offers[-1].name == f"{each.types[-1].name}/on-demand"
    assert not offers[-1].spot


def test_types_without_a_measured_speed_are_left_out() -> None:
    types = {name: replace(each, fps_per_vcpu=None) for name, each in builtin_types().items()}
    with pytest.raises(UsageError, match="no instance type"):
        candidates(types, POOLS)


@pytest.mark.parametrize("name", ["light", "gpu"])
def test_only_pools_that_encode_chunks_on_cpus_are_simulated(name: str) -> None:
    with pytest.raises(UsageError, match="does not encode chunks on CPUs"):
        candidates(builtin_types(), POOLS, pool=name)


def test_a_file_without_such_a_pool_is_an_error() -> None:
    only = Pools.model_validate({"pools": {"light": POOLS["light"].model_dump(exclude={"name"})}})
    with pytest.raises(UsageError, match="no pool encodes chunks"):
        candidates(builtin_types(), only)


def test_the_other_architecture_has_another_pool() -> None:
    assert other_pools(POOLS, "cpu") == ["graviton"]
    assert other_pools(POOLS, "graviton") == ["cpu"]
