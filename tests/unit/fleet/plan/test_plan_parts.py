"""Quotas, fixed costs and the plan of a pool."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.unit.fleet.catalogue.records import instance_type

from eddyline.fleet.catalogue import Catalogue
from eddyline.fleet.catalogue.throughput import Measurement, Throughput
from eddyline.fleet.plan.fixed_costs import FixedCostOptions, fixed_costs
from eddyline.fleet.plan.fleet_plan import assumed_zones, plan_fleet
from eddyline.fleet.plan.pool_plan import PoolPlan, plan_pool
from eddyline.fleet.plan.quotas import GroupNeed, needed_quotas, quota_codes, quota_of
from eddyline.fleet.plan.type_plan import Work
from eddyline.fleet.pools import Pool, Pools, load_pools

_MODULES = Path(__file__).resolve().parents[4] / "infra" / "terraform" / "modules"
_ZONES = assumed_zones("us-east-1")


@pytest.mark.parametrize(
    ("name", "spot", "on_demand"),
    [
        ("c7a.8xlarge", "L-34B43A08", "L-1216C47A"),
        ("im4gn.large", "L-34B43A08", "L-1216C47A"),
        ("g4dn.xlarge", "L-3819A6DF", "L-DB2E81BA"),
        ("gr6.4xlarge", "L-3819A6DF", "L-DB2E81BA"),
        ("vt1.3xlarge", "L-3819A6DF", "L-DB2E81BA"),
        ("p3.2xlarge", "L-7212CCBC", "L-417A185B"),
        ("x2gd.large", "L-E3A00192", "L-7295265B"),
        ("inf1.xlarge", "L-B5D1601B", "L-1945791B"),
    ],
)
def test_each_class_of_families_has_its_quotas(name: str, spot: str, on_demand: str) -> None:
    found = quota_of(name, spot=True), quota_of(name, spot=False)
    assert [each and each[0] for each in found] == [spot, on_demand]


def test_a_family_of_an_unknown_class_has_no_quota() -> None:
    assert quota_of("trn1.2xlarge", spot=True) is None
    assert quota_of("u-6tb1.metal", spot=False) is None
    assert quota_of("9", spot=False) is None


def test_quotas_add_up_over_groups_with_one_machine_more_each() -> None:
    groups = [
        GroupNeed(pool="a", spot=True, max_vcpu=100, types=(("c5.9xlarge", 36), ("c5.4xlarge", 16))),
        GroupNeed(pool="b", spot=True, max_vcpu=10, types=(("m5.large", 2), ("g4dn.xlarge", 4))),
        GroupNeed(pool="b", spot=False, max_vcpu=0, types=(("m5.large", 2),)),
    ]
    found = {each.code: (each.vcpu, each.pools) for each in needed_quotas(groups)}
    assert found == {"L-34B43A08": (148, ("a", "b")), "L-3819A6DF": (14, ("b",))}
    granted = {each.code: each.granted for each in needed_quotas(groups, {"L-3819A6DF": 0})}
    assert granted == {"L-34B43A08": None, "L-3819A6DF": 0}
    assert quota_codes(["c5.large", "g4dn.xlarge", "trn1.2xlarge"]) == {
        "L-34B43A08",
        "L-1216C47A",
        "L-3819A6DF",
        "L-DB2E81BA",
    }


def test_fixed_costs_of_a_month() -> None:
    options = FixedCostOptions(nat_gateways=2, multi_az=True)
    items = {each.item: each.dollars for each in fixed_costs(options, zones=3)}
    assert items == pytest.approx(
        {
            "interface endpoints": 10 * 2 * 0.01 * 730,
            "NAT gateways": 2 * 0.045 * 730,
            "database (RDS)": 2 * (0.065 * 730 + 50 * 0.115),
            "services (Fargate)": (1.25 * 0.04048 + 3 * 0.004445) * 730,
        }
    )
    (endpoints, *_) = fixed_costs(options, zones=1)
    assert endpoints.dollars == pytest.approx(10 * 0.01 * 730)


def _terraform(module: str, file: str = "variables.tf") -> str:
    return (_MODULES / module / file).read_text("utf-8")


def _default(text: str, variable: str) -> str:
    found = re.search(rf'variable "{variable}" {{.*?\n  default *= (.*?)\n', text, re.DOTALL)
    assert found is not None, variable
    return found[1]


def test_the_numbers_are_the_defaults_of_the_terraform_modules() -> None:
    options = FixedCostOptions()
    network, ledger, service = (_terraform(module) for module in ("network", "ledger", "service"))
    listed = re.search(
        r"interface_services = toset\(\[(.*?)\]\)", _terraform("network", "endpoints.tf"), re.DOTALL
    )
    assert listed is not None
    assert options.endpoints == len(re.findall(r'"[a-z0-9.-]+"', listed[1]))
    assert options.endpoint_zones == int(_default(network, "endpoint_zone_count"))
    assert options.nat_gateways == 0
    assert _default(network, "nat") == '"none"'
    assert _default(ledger, "instance_class") == '"db.t4g.medium"'
    assert _default(ledger, "multi_az") == str(options.multi_az).lower()
    assert f"allocated = optional(number, {options.database_gib})" in ledger
    tasks: list[tuple[float, float]] = []
    for name in ("coordinators", "ingest"):
        fields = service[service.index(f'variable "{name}"') :]
        count, cpu, memory = (
            int(re.findall(rf"{key} *= optional\(number, (\d+)\)", fields)[0])
            for key in ("count", "cpu", "memory_mib")
        )
        tasks += [(cpu / 1024, memory / 1024)] * count
    assert options.services == tuple(tasks)


def _pool(**capacity: Any) -> Pool:
    plain = {
        "kinds": ["chunk"],
        "codecs": {"h264": "libx264"},
        "cost": 1,
        "slot": {"vcpu": 2, "memory_mib": 3584},
        "capacity": {"max_vcpu": 640, "on_demand": {"max_vcpu": 64}, **capacity},
    }
    return Pools.model_validate({"pools": {"mine": plain}})["mine"]


_REQUIREMENTS = {
    "memory_mib": {"min": 32_768, "max": 131_072},
    "vcpu": {"min": 32, "max": 64},
    "cpu_manufacturers": ["amd", "intel"],
}


def _catalogue(**changes: Any) -> Catalogue:
    types = [
        instance_type("c6a.8xlarge"),
        instance_type("m5.16xlarge", vcpu=64, memory_mib=131_072, manufacturer="intel"),
        instance_type("c8ine.8xlarge", spot=False),
        instance_type("r9.large", vcpu=2),
    ]
    fields: dict[str, Any] = {
        "types": {each.name: each for each in types},
        "on_demand": {"c6a.8xlarge": 1.0, "m5.16xlarge": 8.0, "c8ine.8xlarge": 1.1},
        "spot": {"c6a.8xlarge": 0.5, "m5.16xlarge": 1.5},
        "bands": {"c6a.8xlarge": 0},
        "throughput": Throughput({"c6a.xlarge": Measurement(fps=50, vcpu=4, gpu=False)}),
    }
    return Catalogue(**{**fields, **changes})


def _plan(pool: Pool, catalogue: Catalogue | None = None, **changes: Any) -> PoolPlan:
    return plan_pool(pool, catalogue or _catalogue(), **{"zones": _ZONES, "work": Work(), **changes})


def test_the_types_of_a_pool_with_requirements_are_those_that_match_and_are_affordable() -> None:
    plan = _plan(_pool(requirements=_REQUIREMENTS))
    assert plan.types is not None
    found = {each.name: each for each in plan.types}
    assert list(found) == ["c6a.8xlarge", "c8ine.8xlarge", "m5.16xlarge"]
    assert [each.spot_pools for each in plan.types] == [3, 0, 3]
    assert [each.on_demand_allowed for each in plan.types] == [True, True, False]  # 8.0 is 4 x per vCPU
    assert (found["c6a.8xlarge"].slots, found["m5.16xlarge"].slots) == (16, 32)
    assert plan.spot_pools == 6
    assert plan.bands == {"<5%": 1, "unknown": 1}
    assert plan.warnings == (
        (
            "only 6 Spot pools (type x zone), fewer than 10: add types or zones, or expect interruptions and "
            "missing capacity"
        ),
        "price protection leaves few types On-Demand: raise capacity.on_demand.max_price_percent",
    )


def test_the_cost_of_1000_minutes_is_the_price_over_the_speed() -> None:
    work = Work(frame_rate=60.0, factor=2.0)
    plan = _plan(_pool(requirements=_REQUIREMENTS), work=work)
    seconds = 1000 * 60 * 60.0 * 2.0 / (50 / 4 * 32)
    cost = plan.costs(spot=True)
    assert cost is not None
    assert cost.low == cost.median == cost.high == pytest.approx(0.5 / 3600 * seconds)
    assert (cost.cheapest, cost.known, cost.types) == ("c6a.8xlarge", 1, 2)
    on_demand = plan.costs(spot=False)
    assert on_demand is not None
    assert on_demand.low == pytest.approx(1.0 / 3600 * seconds)
    assert _plan(_pool(requirements=_REQUIREMENTS), _catalogue(throughput=None)).costs(spot=True) is None


def test_zones_are_those_of_the_pool_that_offer_the_type() -> None:
    pool = _pool(requirements=_REQUIREMENTS, zones=["us-east-1a", "us-east-1b"])
    assert _plan(pool).spot_pools == 4
    offered = {"c6a.8xlarge": frozenset({"us-east-1b", "us-east-1c"})}
    plan = _plan(pool, _catalogue(offered=offered))
    assert plan.spot_pools == 1
    assert "m5.16xlarge: not offered in any of the zones; remove it" in plan.warnings


@pytest.mark.parametrize(
    ("capacity", "message"),
    [
        ({"types": {"c6a.8xlarge": 16}}, "c6a.8xlarge: has 32 vCPU, not 16; correct capacity.types"),
        ({"types": {"c5.wrong": 16}}, "c5.wrong: not in the catalogue; check the name and the region"),
        ({"types": {"c8ine.8xlarge": 32}}, "c8ine.8xlarge: not available as Spot"),
        ({"types": {"trn1.2xlarge": 8}}, "trn1.2xlarge: its vCPU quota is not known here"),
        ({"requirements": {**_REQUIREMENTS, "excluded_types": ["*"]}}, "no instance type matches"),
    ],
)
def test_what_the_catalogue_contradicts_is_a_warning(capacity: dict[str, Any], message: str) -> None:
    assert any(text.startswith(message) for text in _plan(_pool(**capacity)).warnings)


def test_types_of_another_architecture_without_room_or_with_gpus_are_warnings() -> None:
    types = {
        "c6a.8xlarge": instance_type("c6a.8xlarge", architectures=frozenset({"arm64"}), memory_mib=2048),
        "f2.6xlarge": instance_type("f2.6xlarge", accelerators=("Xilinx FPGA",)),
    }
    plan = _plan(_pool(types={"c6a.8xlarge": 32, "f2.6xlarge": 32}), _catalogue(types=types))
    assert "c6a.8xlarge: is of arm64, not x86_64; remove it" in plan.warnings
    assert "c6a.8xlarge: no slot fits into 2048 MiB; remove it, or shrink the slot" in plan.warnings
    assert "f2.6xlarge: has Xilinx FPGA, which the pool does not use; exclude it" in plan.warnings


def _fleet(catalogue: Catalogue, zones: tuple[str, ...] = ()) -> Any:
    return plan_fleet(
        load_pools().pools.values(),
        catalogue,
        region="us-east-1",
        zones=zones,
        work=Work(),
        fixed=FixedCostOptions(),
    )


def test_without_a_catalogue_the_plan_shows_what_the_file_says_and_names_the_options() -> None:
    plan = _fleet(Catalogue())
    assert plan.zones == ("us-east-1a", "us-east-1b", "us-east-1c")
    assert plan.zones_assumed
    pools = {each.pool.name: each for each in plan.pools}
    assert (pools["cpu"].types, pools["cpu"].spot_pools) == (None, None)
    assert pools["cpu-classic"].spot_pools == 12
    assert pools["gpu"].warnings[0].startswith("only 3 Spot pools")
    assert [text.split()[0] for text in plan.missing] == [
        "--instance-types",
        "--prices",
        "--advisor",
        "--advisor",
        "--throughput",
    ]
    assert {each.code for each in plan.quotas} == {"L-34B43A08", "L-1216C47A", "L-3819A6DF", "L-DB2E81BA"}


def test_a_complete_catalogue_misses_nothing() -> None:
    assert _fleet(_catalogue(), ("us-east-1a",)).missing == ()
