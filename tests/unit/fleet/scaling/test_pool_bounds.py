"""Bounds and policies of the shipped pools."""

from __future__ import annotations

import json

from eddyline.fleet.capacity import Capacity
from eddyline.fleet.pools import load_pools
from eddyline.fleet.scaling.__main__ import main
from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.pool_bounds import bounds_of, scaled_pools
from eddyline.fleet.scaling.table import scaling_table


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


def test_a_pool_that_coordinators_scale_has_no_policies_and_one_alarm_more() -> None:
    capacity = Capacity(max_vcpu=64, types={"c7i.4xlarge": 16}, scaling="eddyline")
    table = scaling_table({"cpu": bounds_of(capacity)}, "eddyline")["cpu"]
    assert table["policies"] == []
    assert all(group["protect_from_scale_in"] for group in table["groups"].values())
    by_aws = scaling_table({"cpu": bounds_of(capacity.model_copy(update={"scaling": "aws"}))}, "eddyline")[
        "cpu"
    ]
    assert {policy["name"] for policy in by_aws["policies"]} == {
        "eddyline-cpu-spot-backlog",
        "eddyline-cpu-spot-from-zero",
    }
    notifying = [
        {each["alarm_name"] for each in found["alarms"] if not each["scaling_policy"]}
        for found in (table, by_aws)
    ]
    assert notifying[0] - notifying[1] == {"eddyline-cpu-scaler-late"}
    assert not [each for each in table["alarms"] if each["scaling_policy"]]
