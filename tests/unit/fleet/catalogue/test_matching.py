"""Types are selected as EC2 documents attribute-based selection and price protection."""

from __future__ import annotations

from typing import Any

import pytest
from tests.shared_files import data_file
from tests.unit.fleet.catalogue.records import instance_type

from eddyline.fleet.capacity import Requirements
from eddyline.fleet.catalogue.catalogue import read_catalogue
from eddyline.fleet.catalogue.instance_types import InstanceType, read_instance_types
from eddyline.fleet.catalogue.matching import matching_types
from eddyline.fleet.catalogue.price_protection import protect_price
from eddyline.fleet.catalogue.prices import read_on_demand_prices
from eddyline.fleet.pools import load_pools


def _requirements(**changes: Any) -> Requirements:
    plain = {
        "memory_mib": {"min": 32_768, "max": 131_072},
        "vcpu": {"min": 32, "max": 64},
        "cpu_manufacturers": ["amd", "intel"],
    }
    return Requirements.model_validate({**plain, **changes})


def _matches(each: InstanceType, **changes: Any) -> bool:
    return matching_types(_requirements(**changes), "x86_64", [each]) == (each,)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"vcpu": 32}, True),
        ({"vcpu": 64}, True),
        ({"vcpu": 31}, False),
        ({"vcpu": 65}, False),
        ({"memory_mib": 32_768}, True),
        ({"memory_mib": 131_072}, True),
        ({"memory_mib": 32_767}, False),
        ({"memory_mib": 131_073}, False),
        ({"manufacturer": "intel"}, True),
        ({"manufacturer": "amazon-web-services"}, False),
        ({"architectures": frozenset({"arm64"})}, False),
        ({"architectures": frozenset({"x86_64_mac"})}, False),
        ({"architectures": frozenset({"i386", "x86_64"})}, True),
        ({"bare_metal": True}, False),
        ({"burstable": True}, False),
        ({"current_generation": False}, True),
        ({"accelerators": ("NVIDIA T4",)}, True),
        ({"spot": False}, True),
    ],
)
def test_a_type_matches_by_its_attributes(*, changes: dict[str, Any], expected: bool) -> None:
    assert _matches(instance_type("c6a.8xlarge", **changes)) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("c6a*", False),
        ("c*", False),
        ("*.8xlarge", False),
        ("c6a.8xlarge", False),
        ("c6a", True),
        ("c6*xlarge", False),
        ("c6.*", True),
        ("C6A*", True),
        ("*" * 30, False),
    ],
)
def test_excluded_types_are_patterns_with_stars(*, pattern: str, expected: bool) -> None:
    assert _matches(instance_type("c6a.8xlarge"), excluded_types=[pattern]) is expected


def test_without_manufacturers_all_of_the_architecture_match() -> None:
    arm = instance_type("c7g.8xlarge", architectures=frozenset({"arm64"}), manufacturer="amazon-web-services")
    intel = instance_type("c5.9xlarge", manufacturer="intel")
    wanted = _requirements(cpu_manufacturers=[])
    assert matching_types(wanted, "arm64", [arm, intel]) == (arm,)
    assert matching_types(wanted, "x86_64", [arm, intel]) == (intel,)


_PRICES = {"c6a.8xlarge": 1.0, "m5.8xlarge": 1.2, "r7a.8xlarge": 1.3, "q9.8xlarge": 0.5, "c4.8xlarge": 0.9}
_TYPES = [
    instance_type("c6a.8xlarge"),
    instance_type("m5.8xlarge", vcpu=64),
    instance_type("r7a.8xlarge"),
    instance_type("q9.8xlarge"),
    instance_type("c4.8xlarge", current_generation=False),
    instance_type("c9.8xlarge"),
]


def test_the_identified_price_is_that_of_the_cheapest_current_general_type() -> None:
    found = protect_price(_TYPES, _PRICES, max_percent=20, per_vcpu=False)
    assert (found.identified, found.limit) == ("c6a.8xlarge", 1.2)
    assert [each.name for each in found.kept] == ["c6a.8xlarge", "m5.8xlarge", "q9.8xlarge", "c4.8xlarge"]
    assert [each.name for each in found.excluded] == ["r7a.8xlarge"]


def test_groups_that_count_vcpu_compare_prices_per_vcpu() -> None:
    found = protect_price(_TYPES, _PRICES, max_percent=20)
    assert found.identified == "m5.8xlarge"
    assert [each.name for each in found.excluded] == ["c6a.8xlarge", "r7a.8xlarge", "c4.8xlarge"]


def test_without_general_types_other_current_types_are_identified_and_then_earlier_ones() -> None:
    assert protect_price(_TYPES[3:5], _PRICES, max_percent=0).identified == "q9.8xlarge"
    assert protect_price(_TYPES[4:5], _PRICES, max_percent=0).identified == "c4.8xlarge"
    unknown = protect_price(_TYPES[5:], _PRICES, max_percent=0)
    assert (unknown.identified, unknown.kept, unknown.excluded) == ("", (), ())


def test_999999_means_no_limit() -> None:
    found = protect_price(_TYPES, {**_PRICES, "r7a.8xlarge": 9999.0}, max_percent=999_999)
    assert found.limit is None
    assert len(found.kept) == 5


def _cpu_types() -> tuple[InstanceType, ...]:
    types = read_instance_types(data_file("ec2-instance-types.json.gz"))
    assert len(types) == 1263
    pool = load_pools()["cpu"]
    assert pool.capacity.requirements is not None
    return matching_types(pool.capacity.requirements, pool.arch, types.values())


def test_75_types_of_the_catalogue_match_the_pool_cpu_and_72_have_spot() -> None:
    found = _cpu_types()
    assert (len(found), sum(each.spot for each in found)) == (75, 72)
    assert not any(each.accelerators for each in found)


def test_the_default_price_protection_leaves_9_types_and_that_of_the_pool_leaves_all() -> None:
    found = _cpu_types()
    prices = read_on_demand_prices(data_file("ec2-on-demand-us-east-1.json"))
    percent = load_pools()["cpu"].capacity.on_demand.max_price_percent
    for per_vcpu, by_default in ((False, 9), (True, 26)):
        assert len(protect_price(found, prices, max_percent=20, per_vcpu=per_vcpu).kept) == by_default
        assert len(protect_price(found, prices, max_percent=percent, per_vcpu=per_vcpu).kept) == 75
    # The figures of docs/decisions/0007-pools.md.
    table = {20: (9, 26), 173: (68, 74), 174: (69, 75), 256: (75, 75)}
    for threshold, expected in table.items():
        counts = [
            len(protect_price(found, prices, max_percent=threshold, per_vcpu=each).kept)
            for each in (False, True)
        ]
        assert tuple(counts) == expected, threshold


def test_the_spot_price_limit_of_the_pool_leaves_42_of_48_types_with_a_known_price() -> None:
    types = [each for each in _cpu_types() if each.spot]
    catalogue = read_catalogue(
        region="us-east-1",
        prices=data_file("ec2-on-demand-us-east-1.json"),
        advisor=data_file("spot-advisor-data.json"),
    )
    percent = load_pools()["cpu"].capacity.spot.max_price_percent
    for threshold, per_vcpu, kept in ((percent, True, 42), (percent, False, 35), (206, True, 48)):
        found = protect_price(types, catalogue.spot, max_percent=threshold, per_vcpu=per_vcpu)
        assert (len(found.kept), len(found.kept) + len(found.excluded)) == (kept, 48)


def test_the_graviton_pool_has_types_of_arm_only() -> None:
    types = read_instance_types(data_file("ec2-instance-types.json.gz"))
    pool = load_pools()["graviton"]
    assert pool.capacity.requirements is not None
    found = matching_types(pool.capacity.requirements, pool.arch, types.values())
    assert len(found) >= 30
    assert all(each.architectures == {"arm64"} and not each.accelerators for each in found)
