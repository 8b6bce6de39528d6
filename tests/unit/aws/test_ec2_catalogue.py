"""The catalogue of a region is read from EC2, page by page, and joined with the pools."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.servers.aws_control_plane import ControlPlane, control_plane
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel
from tests.shared_files import data_file
from tests.unit.fleet.catalogue.records import record
from typer.testing import CliRunner

from eddyline.app.fleet.plan import add_live_figures, offered_zones
from eddyline.aws import ec2_catalogue
from eddyline.aws.clients import open_client
from eddyline.aws.ec2_catalogue import Ec2Catalogue, as_request
from eddyline.cli.main import build
from eddyline.core.errors import TransientError, UsageError
from eddyline.fleet.catalogue import Catalogue
from eddyline.fleet.pools import load_pools

_REGION = "us-east-1"
_ZONES = ("us-east-1a", "us-east-1b")
_TYPES = ("c6a.8xlarge", "c6i.8xlarge", "m5.8xlarge", "t3.2xlarge", "c7g.8xlarge")


def _records() -> list[dict[str, Any]]:
    arm = {"Manufacturer": "AWS", "SupportedArchitectures": ["arm64"]}
    return [
        record("c6a.8xlarge"),
        record("c6i.8xlarge", ProcessorInfo={"Manufacturer": "Intel", "SupportedArchitectures": ["x86_64"]}),
        record("m5.8xlarge", mib=131_072, SupportedUsageClasses=["on-demand"]),
        record("t3.2xlarge", BurstablePerformanceSupported=True),
        record("c7g.8xlarge", ProcessorInfo=arm),
    ]


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    fleet = FleetModel(effects=Recorded())
    fleet.instance_types = _records()
    fleet.offerings = dict.fromkeys((*_TYPES, "g4dn.xlarge"), (*_ZONES, "us-east-1-bos-1a")) | {
        "c6i.8xlarge": _ZONES[:1]
    }
    fleet.spot_prices = {
        ("c6a.8xlarge", "us-east-1a"): 0.4,
        ("c6a.8xlarge", "us-east-1b"): 0.6,
        ("c6a.8xlarge", "us-east-1c"): 9.0,
        ("c6i.8xlarge", "us-east-1a"): 0.7,
    }
    fleet.placement_scores = {_REGION: 7}
    fleet.quotas = {"L-34B43A08": 256.0}
    fleet.default_quotas = {"L-34B43A08": 5.0, "L-3819A6DF": 0.0}
    with control_plane(fleet) as found:
        yield found


def _source(plane: ControlPlane) -> Ec2Catalogue:
    return Ec2Catalogue(plane.client("ec2"))


def test_types_and_the_zones_that_offer_them_are_listed(plane: ControlPlane) -> None:
    source = _source(plane)
    types = source.instance_types()
    assert set(types) == set(_TYPES)
    assert types["c7g.8xlarge"].manufacturer == "amazon-web-services"
    assert source.offered()["c6i.8xlarge"] == {"us-east-1a"}


def test_all_pages_are_read(plane: ControlPlane) -> None:
    plane.fleet.instance_types = [record(f"c9.{number}xlarge") for number in range(1, 251)]
    assert len(_source(plane).instance_types()) == 250
    assert len(plane.calls_of("DescribeInstanceTypes")) == 3


def test_a_listing_without_an_end_is_an_error(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.fleet.instance_types = [record(f"c9.{number}xlarge") for number in range(1, 251)]
    monkeypatch.setattr(ec2_catalogue, "_MAX_PAGES", 2)
    with pytest.raises(TransientError, match="more than 2 pages"):
        _source(plane).instance_types()


def test_the_spot_price_of_a_type_is_the_mean_over_the_zones(plane: ControlPlane) -> None:
    found = _source(plane).spot_prices(["c6a.8xlarge", "c6i.8xlarge", "m5.8xlarge"], _ZONES)
    assert found == pytest.approx({"c6a.8xlarge": 0.5, "c6i.8xlarge": 0.7})
    (call,) = plane.calls_of("DescribeSpotPriceHistory")
    assert call["ProductDescriptions"] == ["Linux/UNIX"]


def test_only_the_latest_valid_price_counts() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)

    def entry(price: Any, when: Any) -> dict[str, Any]:
        return {
            "InstanceType": "c5.large",
            "AvailabilityZone": "us-east-1a",
            "SpotPrice": price,
            "Timestamp": when,
        }

    class Client:
        def describe_spot_price_history(self, **_: Any) -> dict[str, Any]:
            newer = entry("0.3", at.replace(hour=1))
            broken = [entry(price, at.replace(hour=2)) for price in ("x", "nan", "-1", "inf", None)]
            return {
                "SpotPriceHistory": [entry("0.2", at), newer, entry("0.1", at), *broken, entry("0.4", "no")]
            }

    assert Ec2Catalogue(Client()).spot_prices(["c5.large"], ["us-east-1a"]) == {"c5.large": 0.3}


def test_aws_selects_the_types_of_a_pool(plane: ControlPlane) -> None:
    pool = load_pools()["cpu"]
    assert pool.capacity.requirements is not None
    found = _source(plane).selected_types(pool.capacity.requirements, pool.arch)
    assert found == {"c6a.8xlarge", "c6i.8xlarge", "m5.8xlarge"}
    (call,) = plane.calls_of("GetInstanceTypesFromInstanceRequirements")
    assert call["InstanceRequirements"] == as_request(pool.capacity.requirements)
    assert call["InstanceRequirements"]["CpuManufacturers"] == ["amd", "intel"]
    assert (call["ArchitectureTypes"], call["VirtualizationTypes"]) == (["x86_64"], ["hvm"])


def test_our_selection_of_the_whole_catalogue_equals_that_of_the_fake(plane: ControlPlane) -> None:
    records = json.loads(gzip.decompress(data_file("ec2-instance-types.json.gz").read_bytes()))
    plane.fleet.instance_types = list(records.values())
    pool = load_pools()["cpu"]
    assert pool.capacity.requirements is not None
    assert len(_source(plane).selected_types(pool.capacity.requirements, pool.arch)) == 75


def test_figures_of_aws_replace_those_of_files(plane: ControlPlane) -> None:
    pools = tuple(load_pools().pools.values())
    files = Catalogue(on_demand={"c6a.8xlarge": 1.2}, spot={"c6a.8xlarge": 9.0}, bands={"c6a.8xlarge": 1})
    found = add_live_figures(files, _source(plane), pools, region=_REGION, zones=())
    assert found.on_demand == files.on_demand
    assert found.bands == files.bands
    assert found.spot == pytest.approx({"c6a.8xlarge": 0.5, "c6i.8xlarge": 0.7})
    assert found.selected == {
        "cpu": {"c6a.8xlarge", "c6i.8xlarge", "m5.8xlarge"},
        "graviton": {"c7g.8xlarge"},
    }
    assert offered_zones(found, _REGION) == _ZONES


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("UnauthorizedOperation", UsageError, "allow this role ec2:DescribeInstanceTypes"),
        ("AuthFailure", UsageError, "check its credentials"),
        ("InvalidParameterValue", TransientError, "describe_instance_types: .*injected"),
    ],
)
def test_a_refused_call_names_what_to_do(
    plane: ControlPlane, code: str, error: type[Exception], message: str
) -> None:
    plane.fail("ec2", "DescribeInstanceTypes", code)
    with pytest.raises(error, match=message):
        _source(plane).instance_types()


def test_an_unreachable_endpoint_and_missing_credentials_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    client = open_client("ec2", endpoint="http://127.0.0.1:9", region=_REGION)
    with pytest.raises(UsageError, match="set AWS_PROFILE"):
        Ec2Catalogue(client).instance_types()


def test_the_command_plans_with_figures_of_aws(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in plane.environment.items():
        monkeypatch.setenv(name, value)
    arguments = ["fleet", "plan", "--live", "--placement-scores", "--json"]
    result = CliRunner().invoke(build(["fleet"]), arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    cpu = found["pools"]["cpu"]
    assert found["zones"] == list(_ZONES)
    assert not found["zones_assumed"]
    assert found["spot_prices"] == "the mean over the zones, from DescribeSpotPriceHistory"
    assert [each["name"] for each in cpu["types"]] == ["c6a.8xlarge", "c6i.8xlarge", "m5.8xlarge"]
    assert [each["zones"] for each in cpu["types"]] == [2, 1, 2]
    assert cpu["spot_pools"] == 3
    assert cpu["placement_score"] == 7
    assert (
        "r4.4xlarge: not in the catalogue; check the name and the region"
        in found["pools"]["memory"]["warnings"]
    )
    quotas = {each["code"]: each["granted"] for each in found["quotas"]}
    assert quotas == {"L-34B43A08": 256, "L-1216C47A": None, "L-3819A6DF": 0, "L-DB2E81BA": None}
    scores = plane.calls_of("GetSpotPlacementScores")
    assert len(scores) == len(load_pools().pools)
    assert {call["TargetCapacityUnitType"] for call in scores} == {"vcpu"}


def test_a_selection_of_aws_that_differs_from_the_offline_rules_is_a_warning(plane: ControlPlane) -> None:
    from eddyline.fleet.plan.pool_plan import plan_pool
    from eddyline.fleet.plan.type_plan import Work

    types = _source(plane).instance_types()
    selected = {"cpu": frozenset({"c6a.8xlarge", "t3.2xlarge"})}
    plan = plan_pool(
        load_pools()["cpu"], Catalogue(types=types, selected=selected), zones=_ZONES, work=Work()
    )
    assert [each.name for each in plan.types or ()] == ["c6a.8xlarge", "t3.2xlarge"]
    assert "AWS selects 1 type unlike the offline rules (t3.2xlarge)" in plan.warnings
    assert "AWS does not select 2 types unlike the offline rules (c6i.8xlarge, m5.8xlarge)" in plan.warnings
