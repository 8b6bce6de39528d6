"""The names of AWS resources, and what is read from the name of an Auto Scaling group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet import names


def test_the_resources_of_a_pool_are_named_after_prefix_and_pool() -> None:
    assert names.cluster_name("eddyline", "cpu") == names.service_name("eddyline", "cpu") == "eddyline-cpu"
    assert names.group_name("eddyline", "cpu", spot=True) == "eddyline-cpu-spot"
    assert names.group_name("eddyline", "cpu", spot=False) == "eddyline-cpu-od"
    assert names.hook_name("eddyline") == names.drain_queue("eddyline") == "eddyline-drain"
    assert names.fleet_queue("eddyline") == "eddyline-fleet"
    assert names.function_name("eddyline", names.SPOT_DRAIN) == "eddyline-spot-drain"


@given(
    prefix=st.from_regex(r"[a-z][a-z0-9-]{0,19}", fullmatch=True),
    pool=st.from_regex(r"[a-z][a-z0-9-]{0,19}", fullmatch=True),
    spot=st.booleans(),
)
def test_a_group_name_is_parsed_back(prefix: str, pool: str, *, spot: bool) -> None:
    assert names.parse_group(names.group_name(prefix, pool, spot=spot), prefix) == (pool, spot)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "eddyline",
        "eddyline-spot",
        "eddyline--spot",
        "eddyline-cpu",
        "other-cpu-spot",
        "eddylinex-cpu-spot",
        "eddyline-CPU-spot",
        "eddyline-cpu-spot-2",
        "eddyline-" + "c" * 21 + "-od",
    ],
)
def test_other_groups_are_not_groups_of_the_fleet(name: str) -> None:
    assert names.parse_group(name, "eddyline") is None
