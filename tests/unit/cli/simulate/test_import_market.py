"""`eddyline simulate import`, and the group that takes a scenario or a subcommand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from eddyline.app.import_market import import_market_file
from eddyline.cli.main import build
from eddyline.cli.simulate.group import ScenarioGroup
from eddyline.core.errors import UsageError
from eddyline.sim.market.file import read_market
from eddyline.sim.market.importers import ImportOptions

ARGUMENTS = ["simulate", "import"]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "p3.csv"
    path.write_text("0,add,n1\n60000,add,n2\n90000,remove,n1\n3600000,remove,n2\n")
    return path


def test_a_trace_is_imported_and_its_figures_printed(trace: Path, tmp_path: Path) -> None:
    to = tmp_path / "p3.json"
    options = [
        "--type",
        "p3.2xlarge",
        "--zone",
        "us-east-1f",
        "--units",
        "8",
        "--licence",
        "MIT",
        "--note",
        "n",
    ]
    result = CliRunner().invoke(build(ARGUMENTS), [*ARGUMENTS, str(trace), "--to", str(to), *options])
    assert result.exit_code == 0, result.output
    assert "reclaimed" in result.output
    assert "1.0 h" in result.output
    market = read_market(to)
    assert (market.pools[0].units, market.licence, market.note) == (8, "MIT", "n")
    assert (market.pools[0].type, market.pools[0].zone) == ("p3.2xlarge", "us-east-1f")


def test_the_figures_are_printed_as_json(trace: Path, tmp_path: Path) -> None:
    arguments = [*ARGUMENTS, str(trace), "--to", str(tmp_path / "m.json"), "--name", "v100", "--json"]
    result = CliRunner().invoke(build(ARGUMENTS), arguments)
    found = json.loads(result.output)
    assert (found["name"], found["end_s"]) == ("v100", 3600)
    assert (found["pools"][0]["added"], found["pools"][0]["reclaimed"]) == (2, 2)


def test_the_trace_is_never_overwritten(trace: Path) -> None:
    with pytest.raises(UsageError, match="is the trace itself"):
        import_market_file(trace, trace, ImportOptions())


def _group() -> typer.Typer:
    app = typer.Typer(cls=ScenarioGroup, no_args_is_help=True)

    @app.command("import")
    def _import(source: str) -> None:
        typer.echo(f"import {source}")

    @app.command("run", hidden=True)
    def _run(scenario: str, seed: int = 1) -> None:
        typer.echo(f"run {scenario} {seed}")

    return app


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["import", "t.csv"], "import t.csv"),
        (["s.yaml"], "run s.yaml 1"),
        (["s.yaml", "--seed", "4"], "run s.yaml 4"),
        (["--seed", "4", "s.yaml"], "run s.yaml 4"),
        (["./import"], "run ./import 1"),
        (["run", "s.yaml"], "run s.yaml 1"),
    ],
)
def test_an_argument_that_is_not_a_subcommand_is_a_scenario(arguments: list[str], printed: str) -> None:
    result = CliRunner().invoke(_group(), arguments)
    assert result.output.strip() == printed


def test_the_group_without_arguments_prints_help() -> None:
    result = CliRunner().invoke(_group(), [])
    assert "import" in result.output
    assert "Usage" in CliRunner().invoke(_group(), ["--help"]).output
