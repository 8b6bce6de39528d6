"""Bounds and policies of the shipped pools."""

from __future__ import annotations

import json

from eddyline.fleet.capacity import Capacity
from eddyline.fleet.pools import load_pools
from eddyline.fleet.scaling.__main__ import main
from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.pool_bounds import bounds_of, scaled_pools


def test_the_bounds_of_the_shipped_pools() -> None:
    found = scaled_pools(load_pools())
    assert found["cpu"] == Bounds(
        spot_max=3200,
        on_demand_max=320,
        machine_vcpu=32,
        on_demand_after_s=600.0,
        target_backlog_s=300.0,
    )
    assert found["light"].machine_vcpu == 2


def test_a_pool_without_machines_has_no_policies() -> None:
    assert bounds_of(Capacity()) == Bounds(spot_max=0)


def test_the_command_prints_the_table_of_every_pool_with_machines() -> None:
    printed = json.loads(main(["studio"]))
    assert set(printed) == set(scaled_pools(load_pools()))
    assert printed["cpu"]["groups"]["spot"]["name"] == "studio-cpu-spot"
