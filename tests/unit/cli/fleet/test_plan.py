"""`eddyline fleet plan` shows what the pools mean on AWS."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.shared_files import data_file
from tests.unit.fleet.catalogue.records import record
from typer.testing import CliRunner

from eddyline.app.fleet.plan import CatalogueFiles, make_fleet_plan
from eddyline.cli.fleet import commands
from eddyline.cli.fleet.group import commands as group
from eddyline.cli.fleet.plan import plan
from eddyline.cli.fleet.plan_json import plan_json
from eddyline.cli.fleet.plan_tables import TYPES_LEGEND
from eddyline.cli.fleet.plan_view import print_plan
from eddyline.cli.main import build
from eddyline.cli.terminal import console
from eddyline.core.errors import UsageError
from eddyline.fleet.plan.fixed_costs import FixedCostOptions
from eddyline.fleet.plan.quotas import QuotaNeed
from eddyline.fleet.plan.type_plan import Work
from eddyline.fleet.pools import BUILT_IN, load_pools


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(build(["fleet"]), ["fleet", "plan", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def _files() -> list[str]:
    return [
        "--instance-types",
        str(data_file("ec2-instance-types.json.gz")),
        "--prices",
        str(data_file("ec2-on-demand-us-east-1.json")),
        "--advisor",
        str(data_file("spot-advisor-data.json")),
        "--throughput",
        str(data_file("ec2-measured-throughput.json")),
    ]


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_without_files_every_pool_is_shown_and_the_options_are_named() -> None:
    assert commands is group
    assert plan.__doc__
    lines = _run().splitlines()
    names = [line.split()[0] for line in lines if "  x86_64" in line or "  arm64" in line]
    assert names == list(load_pools().pools)
    text = "\n".join(line.strip() for line in lines)
    assert "amd and intel, 32 to 64 vCPU, 32 to 128 GiB" in text
    assert "whose types are unknown" in text
    assert "--throughput FILE: dollars for 1,000 minutes of output" in text
    assert max(len(line) for line in lines) <= 80


def test_with_all_files_types_pools_bands_slots_quotas_and_costs_are_shown() -> None:
    lines = [line.rstrip() for line in _run(*_files()).splitlines()]
    text = "\n".join(lines)
    assert "  types       75 match; 72 of them have Spot" in lines
    assert "price limit On-Demand 300 % above c6a.12xlarge: leaves out none" in text
    assert "Spot pools  198 (type x zone); capacity-optimized" in text
    assert "slots       16 to 32 on each machine" in text
    assert "! only 6 Spot pools (type x zone), fewer than 10" in text
    assert "L-34B43A08  All Standard" in text
    assert re.search(r"interface endpoints +11 x 2 zones x \$0\.01/h +160\.60", text)
    assert "Pass for more" not in text
    assert max(map(len, lines)) <= 80


def test_one_pool_is_shown_with_each_of_its_types() -> None:
    lines = [line.rstrip() for line in _run(*_files(), "--pool", "cpu", "--zones", "us-east-1a").splitlines()]
    rows = [line for line in lines if "xlarge  " in line and line[0] in "cm"]
    assert len(rows) == 75
    assert TYPES_LEGEND.split(". ")[0] in " ".join(lines)
    assert max(map(len, lines)) <= 80
    assert "  Spot pools  66 (type x zone); capacity-optimized" in lines


def test_the_json_has_every_type_of_every_pool() -> None:
    found = json.loads(_run(*_files(), "--json"))
    assert list(found["pools"]) == list(load_pools().pools)
    cpu = found["pools"]["cpu"]
    assert len(cpu["types"]) == 75
    assert sum(each["spot"] for each in cpu["types"]) == 72
    assert cpu["spot_pools"] == 198
    assert found["missing"] == []
    assert json.loads(_run("--json"))["pools"]["cpu"]["types"] is None


def test_prices_can_be_overridden() -> None:
    arguments = (
        "--endpoints",
        "5",
        "--endpoint-zones",
        "3",
        "--endpoint-price",
        "0.02",
        "--nat-gateways",
        "1",
        "--nat-price",
        "0.1",
    )
    fixed = {each["item"]: each["dollars"] for each in json.loads(_run("--json", *arguments))["fixed_costs"]}
    assert fixed["interface endpoints"] == pytest.approx(5 * 3 * 0.02 * 730)
    assert fixed["NAT gateways"] == pytest.approx(73.0)


def _make(**changes: Any) -> Any:
    fields: dict[str, Any] = {
        "files": CatalogueFiles(),
        "region": "us-east-1",
        "zones": (),
        "pool": "",
        "work": Work(),
        "fixed": FixedCostOptions(),
    }
    return make_fleet_plan(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pool": "tpu"}, "unknown pool 'tpu'"),
        ({"zones": ("eu-west-1a",)}, "'eu-west-1a' is not a zone of region us-east-1"),
        ({"zones": ("us-east-1",)}, "'us-east-1' is not a zone of region us-east-1"),
        ({"placement_scores": True}, "--placement-scores needs --live"),
        ({"region": ""}, "no region"),
        ({"files": CatalogueFiles(prices=Path("none.json"))}, "none.json: No such file"),
    ],
)
def test_wrong_options_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        _make(**changes)


def test_a_pool_with_zones_of_another_region_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pools.yaml"
    path.write_text(BUILT_IN.read_text("utf-8").replace("zones: []", "zones: [eu-west-1a]"), "utf-8")
    monkeypatch.setenv("EDDYLINE_POOLS", str(path))
    assert len(_make(region="eu-west-1").pools) == 6
    with pytest.raises(UsageError, match="pool light has zone eu-west-1a, which is not in region us-east-1"):
        _make()


def test_names_from_a_catalogue_cannot_control_the_terminal(tmp_path: Path) -> None:
    fpga = {"Fpgas": [{"Name": "F\x1b[2J", "Manufacturer": "X"}]}
    path = tmp_path / "types.json"
    path.write_text(json.dumps([record("c3.8xlarge", FpgaInfo=fpga)]), "utf-8")
    output = _run("--instance-types", str(path), "--pool", "cpu-classic")
    assert "\x1b" not in output
    assert "has X F" in output


def test_a_quota_that_is_too_small_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    screen = console()
    need = QuotaNeed(code="L-3819A6DF", name="All G and VT", vcpu=68, pools=("gpu",), granted=0)
    with screen.capture() as captured:
        print_plan(screen, replace(_make(pool="gpu"), quotas=(need,)))
    text = captured.get()
    assert "L-3819A6DF: request 68 vCPU in Service Quotas; the account has 0" in text
    assert "granted" in text


def test_the_json_of_a_plan_without_figures_is_complete() -> None:
    found = json.loads(plan_json(_make(pool="gpu")))
    assert list(found["pools"]) == ["gpu"]
    assert found["pools"]["gpu"]["spot_cost"] is None
