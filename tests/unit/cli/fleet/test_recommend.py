"""`eddyline fleet plan --budget` and `--deadline` recommend a pool by simulation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.shared_files import data_file
from typer.testing import CliRunner

from eddyline.app.fleet.plan import CatalogueFiles
from eddyline.app.fleet.recommend import RecommendOptions, recommend_pools
from eddyline.cli.fleet.plan import SpotMarket
from eddyline.cli.fleet.recommend_view import recommendation_json
from eddyline.cli.main import build
from eddyline.core.errors import UsageError
from eddyline.fleet.pools import Pool
from eddyline.sim.market.generated_spec import Preset


def run(*arguments: str) -> Any:
    return CliRunner().invoke(build(["fleet"]), ["fleet", "plan", *arguments])


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """A load of an hour: few decisions, so that runs are short."""
    path = tmp_path / "scenario.yaml"
    path.write_text("workload: {slots: 4, load: 0.5, hours: 1}\n", "utf-8")
    return path


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")


def test_a_deadline_recommends_the_cheapest_pool(scenario: Path) -> None:
    output = run("--deadline", "30", "--load", str(scenario)).output
    assert output.startswith("cpu  x86_64, deadline 30 min")
    assert "a month for machines" in output
    assert "Replace this section of pools.yaml:" in output
    assert "the built-in table: us-east-1" in output
    assert "graviton" in output


def test_a_budget_recommends_the_fastest_pool_as_json(scenario: Path) -> None:
    options = ("--budget", "10000", "--pool", "graviton", "--load", str(scenario))
    found = json.loads(run(*options, "--json").output)
    best = found["recommended"]
    assert best["pool"] == "graviton"
    assert best["monthly_usd"]["low"] <= best["monthly_usd"]["mean"] <= 10_000
    assert best["p99_s"]["mean"] <= best["deadline_s"] * 1.02
    Pool.model_validate({**found["pools"]["graviton"], "name": "graviton"})
    assert found["load"]["hours"] == 1.0
    assert any(each["pool"] == "cpu" for each in found["others"])


def test_a_budget_below_every_plan_is_an_error(scenario: Path) -> None:
    result = run("--budget", "0.01", "--load", str(scenario))
    assert isinstance(result.exception, UsageError)
    assert "the cheapest costs $" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--budget", "9", "--deadline", "9"), "exclude each other"),
        (("--deadline", "9", "--live"), "does not read from AWS"),
        (("--clips-per-day", "9"), "are for a recommendation"),
        (("--deadline", "9", "--clips-per-day", "9", "--load", "x.csv"), "exclude each other"),
        (("--deadline", "9", "--prices", "prices.json"), "needs --instance-types, --advisor, --throughput"),
        (("--deadline", "9", "--load", "missing.yaml"), "missing.yaml"),
    ],
)
def test_wrong_options_are_errors(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


def test_a_load_may_be_recorded_arrivals(tmp_path: Path) -> None:
    arrivals = tmp_path / "arrivals.csv"
    arrivals.write_text("at_s,minutes\n10,5\n500,3\n", "utf-8")
    found = recommend_pools(
        RecommendOptions(deadline_s=3600.0, load=arrivals, pool="cpu"), CatalogueFiles(), lambda _line: None
    )
    assert found.load.clips_per_day == 48.0
    assert found.found.best.p99_s.mean <= 3672.0


def test_prices_and_speeds_are_read_from_files(scenario: Path) -> None:
    files = CatalogueFiles(
        instance_types=data_file("ec2-instance-types.json.gz"),
        prices=data_file("ec2-on-demand-us-east-1.json"),
        advisor=data_file("spot-advisor-data.json"),
        throughput=data_file("ec2-measured-throughput.json"),
    )
    found = recommend_pools(RecommendOptions(deadline_s=1800.0, load=scenario), files, lambda _line: None)
    assert "spot-advisor-data.json" in json.loads(recommendation_json(found))["prices"]


def test_the_markets_are_the_presets_of_the_simulator() -> None:
    assert tuple(SpotMarket) == get_args(Preset)
