"""`eddyline cost` on a small fleet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.unit.app.accounts.accounted_fleet import ANN, BEA, NOW, open_fleet
from typer.testing import CliRunner

from eddyline.cli.cost import cost
from eddyline.cli.cost_tables import dollars
from eddyline.core import clock
from eddyline.core.errors import UsageError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.runs.run_directory import RunDirectory

_WIDTH = 80


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    open_fleet(tmp_path / "ledger.db").close()
    monkeypatch.setattr(clock.SystemClock, "now", lambda _: NOW)
    return tmp_path


def _run(folder: Path, *arguments: str) -> str:
    app = typer.Typer()
    app.command()(cost)
    result = CliRunner().invoke(
        app, [*arguments, "--ledger", str(folder / "ledger.db")], env={"COLUMNS": str(_WIDTH)}
    )
    if result.exception is not None:
        raise result.exception
    return result.stdout


def _json(folder: Path, *arguments: str) -> Any:
    return json.loads(_run(folder, *arguments, "--json"))


@pytest.mark.parametrize(
    "arguments", [(), ("--by", "kind"), ("--owner", "ann"), ("--by", "pool", "--since", "9h"), (ANN,)]
)
def test_the_tables_fit_eighty_columns(fleet: Path, arguments: tuple[str, ...]) -> None:
    lines = _run(fleet, *arguments).splitlines()
    table = [line for line in lines if not line.startswith(("! ", "  what", "billed", "2 instances"))]
    assert max(map(len, table)) <= _WIDTH
    assert any("unknown" in line or ">" in line for line in lines) or "9h" in arguments


def test_the_report_of_all(fleet: Path) -> None:
    found = _json(fleet)
    assert [each["key"] for each in found["groups"]] == [ANN, BEA]
    machines = found["machines"]
    parts = [machines[name]["listed_nanousd"] for name in ("starts", "boot", "idle", "drain")]
    assert sum(parts) == machines["instance_cost"]["listed_nanousd"] == 3_780_000_000
    assert machines["instance_cost"]["billed_usd"] == 3.6
    text = _run(fleet)
    assert "billed $3.6000: AWS bills nothing" in text
    assert "what to do: pass --machine-price USD" in text
    assert "on-demand prices: the ledger (eddyline fleet prices), of 2027-01-15" in text


def test_one_asset(fleet: Path) -> None:
    found = _json(fleet, ANN)
    assert found["kinds"][-1]["key"] == "assemble"
    assert found["jobs"][0]["starts"][0]["cost"]["listed_nanousd"] == 100_000_000
    assert found["renditions"] == []
    text = _run(fleet, ANN)
    assert f"asset {ANN} of ann" in text
    assert "$1.7100 a minute of output" in text


def test_an_output_directory_has_its_own_ledger(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    app = typer.Typer()
    app.command()(cost)
    out = str(tmp_path / "out")
    Ledger.open(RunDirectory(tmp_path / "out").ledger).close()
    assert "No job ran in the last 30 days." in CliRunner().invoke(app, ["--out", out]).stdout
    result = CliRunner().invoke(app, [ANN, "--out", out])
    assert isinstance(result.exception, UsageError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--by", "colour"), "not known"),
        (("--since", "1y"), "not a duration"),
        ((ANN, "--owner", "ann"), "mutually exclusive"),
        (("f" * 16,), "unknown asset"),
        (("--machine-price", "-1"), "not a price"),
        (("--prices", "/missing.json"), "missing.json"),
    ],
)
def test_wrong_usage(fleet: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        _run(fleet, *arguments)


def test_dollars_have_as_many_digits_as_matter() -> None:
    assert [dollars(usd) for usd in (0, 1234.5, 12.3456, 0.0032171, 0.0000123456)] == [
        "0",
        "1,234.50",
        "12.3456",
        "0.003217",
        "0.000012346",
    ]
