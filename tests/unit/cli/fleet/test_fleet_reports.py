"""`eddyline fleet status`, `interruptions`, `savings` and `drain` on a made-up fleet."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.fleet.recorded_fleet import fill, name_of, write_prices
from typer.testing import CliRunner

from eddyline.cli.fleet import commands
from eddyline.core.errors import UsageError
from eddyline.fleet.pools import load_pools
from eddyline.graph.ledger.fleet.scaler_decisions import PoolDecision
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine

_WIDTH = 80


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a ledger with a week of a fleet."""
    folder = tmp_path_factory.mktemp("fleet")
    with Ledger.open(folder / "ledger.db") as ledger:
        fill(ledger)
    return folder


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    Ledger.open(tmp_path / "ledger.db").close()
    return tmp_path


def _run(folder: Path, *arguments: str, **environment: str) -> str:
    options = [*arguments, "--ledger", str(folder / "ledger.db")]
    result = CliRunner().invoke(commands, options, env={"COLUMNS": str(_WIDTH), **environment})
    if result.exception is not None:
        raise result.exception
    return result.stdout


def _json(folder: Path, *arguments: str, **environment: str) -> Any:
    return json.loads(_run(folder, *arguments, "--json", **environment))


def test_the_tables_fit_eighty_columns(fleet: Path) -> None:
    prices, spot = write_prices(fleet)
    for arguments in (
        ("status",),
        ("interruptions",),
        ("interruptions", "--by", "zone"),
        ("savings", "--prices", str(prices), "--spot-prices", str(spot)),
    ):
        lines = _run(fleet, *arguments).splitlines()
        table = [line for line in lines if not line.startswith("! ") and "AWS bills" not in line]
        assert max(map(len, table)) <= _WIDTH
        assert "…" not in "".join(lines)


def test_status_shows_machines_slots_and_what_ends(fleet: Path) -> None:
    found = _json(fleet, "status")
    cpu = next(each for each in found["pools"] if each["pool"] == "cpu")
    with Ledger.open(fleet / "ledger.db") as ledger:
        running = [each for each in ledger.fleet.running() if each.pool == "cpu"]
    spot = [each for each in running if each.lifecycle == "spot"]
    assert cpu["spot_instances"] == len(spot)
    assert cpu["spot_vcpu"] == sum(each.vcpu or 0 for each in spot)
    assert cpu["on_demand_instances"] == len(running) - len(spot)
    assert cpu["workers"] == len(running)
    assert cpu["slots"] == sum((each.vcpu or 0) // 8 for each in running)
    assert (cpu["busy_slots"], cpu["due_jobs"]) == (10, 30)
    assert (cpu["backlog_vcpu_s"], cpu["wanted_vcpu"], cpu["spot_shortfall_vcpu"]) == (98_765.0, 1280, 96)
    warned = sorted(each.instance for each in running if each.warned_at is not None)
    assert warned
    assert sorted(each["instance"] for each in found["ending"]) == warned
    assert cpu["draining"] == cpu["ending"] == len(warned)
    text = _run(fleet, "status")
    assert f"! {warned[0]} (cpu): interruption warning" in text
    assert "Spot has not provided 96 of the wanted vCPU" in text


def test_status_without_machines_lists_the_pools(empty: Path) -> None:
    lines = _run(empty, "status").splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == [
        each["pool"] for each in _json(empty, "status")["pools"]
    ]


def test_status_counts_workers_outside_aws(empty: Path) -> None:
    with Ledger.open(empty / "ledger.db") as ledger:
        ledger.register("cpu@host:1", "host", 1, lease_s=600)
        ledger.register("other", "host", 2, lease_s=600, machine=Machine(pool="cpu", slots=4))
    cpu = next(each for each in _json(empty, "status")["pools"] if each["pool"] == "cpu")
    assert (cpu["workers"], cpu["slots"], cpu["spot_instances"]) == (2, 4, 0)


def test_status_shows_the_last_decision_of_the_scaler(empty: Path) -> None:
    pools = load_pools().model_dump(mode="json")
    pools["pools"]["memory"]["capacity"]["scaling"] = "eddyline"
    file = empty / "pools.yaml"
    file.write_text(json.dumps(pools))
    with Ledger.open(empty / "ledger.db") as ledger:
        leader = ledger.fleet.lead("scaler", "host:1", lease_s=60.0)
        assert leader is not None
        at = ledger.now() - 20.0
        found = PoolDecision(
            pool="memory",
            term=1,
            owner="host:1",
            at=at,
            decided=at - 600,
            wanted_vcpu=1600,
            spot_vcpu=64,
            drained=2,
            problem="AWS throttled",
        )
        other = replace(found, pool="cpu")  # a decision from before the pool was scaled by AWS
        assert ledger.fleet.record_decisions(leader, [found, other])
    environment = {"EDDYLINE_POOLS": str(file)}
    text = _run(empty, "status", **environment)
    assert "pool memory: scaled 20 s ago by host:1: wanted 1,600 vCPU, set Spot 64 and On-Demand 0" in text
    assert "ended 2 instances" in text
    assert "! pool memory: AWS throttled; last applied: 10:2" in text
    assert "pool cpu" not in text
    decisions = {each["pool"]: each["decision"] for each in _json(empty, "status", **environment)["pools"]}
    assert decisions["memory"]["wanted_vcpu"] == 1600
    assert decisions["cpu"] is None


def test_interruptions_are_grouped_and_add_up(fleet: Path) -> None:
    for by in ("pool", "type", "zone"):
        found = _json(fleet, "interruptions", "--by", by)
        assert found["total"]["interruptions"] > 0
        for key in ("interruptions", "launches", "launches_interrupted"):
            assert found["total"][key] == sum(each[key] for each in found["groups"])
        total = found["total"]
        assert total["low"] < total["per_hour"] < total["high"]
        assert total["per_hour"] == pytest.approx(total["interruptions"] / total["hours"])


def test_a_higher_confidence_widens_the_interval(fleet: Path) -> None:
    narrow = _json(fleet, "interruptions", "--confidence", "80")["total"]
    wide = _json(fleet, "interruptions", "--confidence", "99")["total"]
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]
    assert "80% interval" in _run(fleet, "interruptions", "--confidence", "80")


def test_a_shorter_time_counts_fewer_hours(fleet: Path) -> None:
    day = _json(fleet, "interruptions", "--since", "24h")["total"]["hours"]
    week = _json(fleet, "interruptions", "--since", "7d")["total"]["hours"]
    assert 0 < day < week


def test_interruptions_of_an_empty_record(empty: Path) -> None:
    assert "No Spot Instance ran" in _run(empty, "interruptions")


def test_savings_by_files_of_prices(fleet: Path) -> None:
    prices, spot = write_prices(fleet)
    arguments = ("savings", "--prices", str(prices), "--spot-prices", str(spot))
    found = _json(fleet, *arguments)
    total = found["total"]
    assert total["spot"]["cost"] == pytest.approx(0.35 * total["spot"]["on_demand_cost"])
    assert 0 < total["saved"] < 0.65
    assert total["saved_as_billed"] > total["saved"]
    assert found["missing_spot"] == found["missing_on_demand"] == []
    assert found["jobs"]["spot"] + found["jobs"]["on_demand"] + found["jobs"]["unknown"] == 950
    assert found["spot_prices"] == str(spot)
    text = _run(fleet, *arguments)
    assert text.startswith(f"Saved in the last 30 days: {total['saved']:.1%}, $")
    assert "as billed: AWS bills nothing" in text


def test_savings_list_missing_spot_prices(fleet: Path) -> None:
    prices, spot = write_prices(fleet, zones=("us-east-1a", "us-east-1b"))
    text = _run(fleet, "savings", "--prices", str(prices), "--spot-prices", str(spot))
    assert "! no Spot price of c7i.8xlarge in us-east-1c: " in text


def test_without_prices_only_shares_are_shown(fleet: Path) -> None:
    text = _run(fleet, "savings")
    assert "Only shares are shown without On-Demand prices" in text
    assert "$0" not in text
    assert "ran on Spot" in text


def test_savings_of_an_empty_record(empty: Path) -> None:
    assert "No instance ran in the last 2 days." in _run(empty, "savings", "--since", "48h")


def test_a_wrong_file_of_prices_is_named(fleet: Path) -> None:
    prices, _ = write_prices(fleet)
    with pytest.raises(UsageError, match="SpotPriceHistory"):
        _run(fleet, "savings", "--prices", str(prices), "--spot-prices", str(prices))


@pytest.mark.parametrize("since", ["1x", "", "-1d", "0h", "9999d", "1e3h", "٣d"])
def test_a_wrong_duration_is_refused_with_an_example(fleet: Path, since: str) -> None:
    with pytest.raises(UsageError, match="30d"):
        _run(fleet, "interruptions", "--since", since)


def test_drain_commands_all_workers_of_the_instance(empty: Path) -> None:
    with Ledger.open(empty / "ledger.db") as ledger:
        for name, number in (("ada", 1), ("bob", 1), ("eve", 2)):
            ledger.register(
                name, "host", 1, lease_s=600, machine=Machine(pool="cpu", instance=name_of(number))
            )
        text = _run(empty, "drain", name_of(1), "--deadline", "10m")
        now = ledger.now()
        assert text.splitlines()[0] == f"draining 2 workers of {name_of(1)}, to end within 10 minutes:"
        for name in ("ada", "bob"):
            (command,) = ledger.commands(name)
            assert command.deadline == pytest.approx(now + 600, abs=30)
        assert ledger.commands("eve") == []
        assert _json(empty, "drain", name_of(2)) == {
            "instance": name_of(2),
            "workers": ["eve"],
            "deadline": None,
        }


@pytest.mark.parametrize(("instance", "problem"), [("ada", "not the id"), (name_of(9), "no worker runs")])
def test_drain_of_something_else_says_what_to_pass(empty: Path, instance: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        _run(empty, "drain", instance)


def test_a_fleet_needs_a_ledger() -> None:
    for arguments in (["status"], ["interruptions"], ["savings"], ["drain", name_of(1)]):
        result = CliRunner().invoke(commands, arguments)
        assert isinstance(result.exception, UsageError)
        assert "EDDYLINE_LEDGER" in result.exception.remedy
