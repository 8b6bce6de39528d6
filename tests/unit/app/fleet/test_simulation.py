from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.unit.app.fleet.simulation_file import interval, policy, write_simulation

from eddyline.app.fleet.simulation import FIGURES, SimulationFile, read_simulation
from eddyline.core.errors import UsageError
from eddyline.sim.comparison.compare import compare
from eddyline.sim.comparison.json_figures import comparison_json
from eddyline.sim.scenario import Scenario


def test_the_figures_of_each_policy_are_read(tmp_path: Path) -> None:
    found = read_simulation(write_simulation(tmp_path / "s.json", policy("a"), policy("b", spot_share=None)))
    assert (found.name, found.deadline) == ("calm", "15 min")
    first, second = found.policies
    assert tuple(first.figures) == FIGURES
    saved = first.figures["saved_own"]
    assert saved is not None
    assert [saved.low, saved.high] == pytest.approx([0.64, 0.68])
    assert second.figures["spot_share"] is None
    assert first.figures["cost_usd"] is None


def test_what_a_simulation_writes_is_read(tmp_path: Path) -> None:
    scenario = Scenario.model_validate(
        {
            "name": "tiny",
            "workload": {"slots": 4.0, "hours": 0.5},
            "policies": ("on-demand-own", "eddyline"),
            "deadlines": (60.0,),
            "oracle": False,
        }
    )
    found = comparison_json(compare(scenario, seeds=[1, 2]))
    path = tmp_path / "simulation.json"
    path.write_text(json.dumps(found), "utf-8")
    read = read_simulation(path)
    assert [each.name for each in read.policies] == ["on-demand-own", "eddyline"]
    assert all(each.figures["cost_usd"] is not None for each in read.policies)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": "other"}, "format"),
        ({"version": 2}, "version"),
        ({"name": "n" * 201}, "name"),
        ({"policies": [policy()] * 51}, "policies"),
        ({"policies": [policy(p99_s={"mean": 5, "low": 6, "high": 7})]}, "not between low and high"),
        (
            {"policies": [policy(p99_s={"mean": "5", "low": 4, "high": 7})]},
            r"policies\.0\.figures\.p99_s\.mean",
        ),
        ({"policies": [policy(p99_s=[1, 2])]}, "p99_s"),
        ({"policies": ["eddyline"]}, "policies.0"),
        ({"policies": None}, "policies"),
    ],
)
def test_a_file_of_another_format_is_an_error(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    path = write_simulation(tmp_path / "s.json", **values)
    with pytest.raises(UsageError, match=message) as error:
        read_simulation(path)
    assert "--report" in error.value.remedy


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"name": NaN}', "[" * 100_000, "\x00"])
def test_a_file_that_is_not_such_json_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError):
        read_simulation(path)


def test_a_large_file_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    with path.open("wb") as file:
        file.truncate(9 * 1024 * 1024)
    with pytest.raises(UsageError, match="larger than 8 MiB"):
        read_simulation(path)


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    file = SimulationFile(path, required=False)
    assert file.read() is None
    write_simulation(path)
    first = file.read()
    assert first is not None
    assert file.read() is first
    write_simulation(path, name="second")
    os.utime(path, (1, 1))
    second = file.read()
    assert second is not None
    assert second.name == "second"
    path.unlink()
    assert file.read() is None


def test_a_file_that_a_setting_names_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        SimulationFile(tmp_path / "s.json", required=True).read()


def test_an_interval_of_one_seed_has_no_width(tmp_path: Path) -> None:
    (found,) = read_simulation(write_simulation(tmp_path / "s.json", policy(p99_s=interval(5.0)))).policies
    figure = found.figures["p99_s"]
    assert figure is not None
    assert figure.low == figure.high == 5.0
