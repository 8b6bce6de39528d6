"""`eddyline simulate SCENARIO.yaml`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eddyline.app.simulate import SimulateOptions, simulate_scenario
from eddyline.cli.main import build
from eddyline.core.errors import UsageError

ARGUMENTS = ["simulate", "s.yaml"]
SMALL = """
market: {generated: {preset: choppy, lists: [best-spot], zones: 1}}
workload: {slots: 30, hours: 1}
policies: [on-demand-best, eddyline]
deadlines: [15]
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def test_a_scenario_is_compared_and_a_report_written(scenario: Path, tmp_path: Path) -> None:
    directory = tmp_path / "report"
    options = ["--seeds", "2", "--processes", "1"]
    result = CliRunner().invoke(
        build(ARGUMENTS), ["simulate", str(scenario), *options, "--report", str(directory)]
    )
    assert result.exit_code == 0, result.output
    assert "small: 2 seeds" in result.output
    assert "deadline of 15 min: p99 within 900 s" in result.output
    assert "Eddyline, own scaler" in result.output
    assert f"report: {directory / 'index.html'}" in result.output.replace("\n", "")
    page = (directory / "index.html").read_text()
    assert "Eddyline, own scaler" in page
    saved = json.loads((directory / "simulation.json").read_text())
    printed = CliRunner().invoke(build(ARGUMENTS), ["simulate", str(scenario), *options, "--json"]).stdout
    assert saved["created"]
    assert {key: value for key, value in saved.items() if key != "created"} == json.loads(printed)


def test_the_seed_determines_the_figures(scenario: Path) -> None:
    def figures(seed: int) -> str:
        arguments = ["simulate", "--seed", str(seed), "--seeds", "1", "--processes", "1", "--json"]
        return CliRunner().invoke(build(ARGUMENTS), [*arguments, str(scenario)]).stdout

    first, again, other = figures(5), figures(5), figures(6)
    assert first == again
    assert first != other
    assert json.loads(first)["seeds"] == [5]


def test_an_error_of_a_scenario_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("name: x\nmarket: {file: none.json}\n")
    with pytest.raises(UsageError, match=r"none\.json"):
        simulate_scenario(path, SimulateOptions(seeds=1, processes=1), lambda _line: None)
    path.write_text("name: x\nsedes: 3\n")
    with pytest.raises(UsageError, match=r"wrong\.yaml:2: sedes: unknown key"):
        simulate_scenario(path, SimulateOptions(), lambda _line: None)
