"""`eddyline catalogue rebuild` on an output directory and on a ledger with a store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from eddyline.cli.main import build
from eddyline.graph.ledger.catalogue.asset import AssetState
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.runs.run_directory import RunDirectory

ASSET = "0123456789abcdef"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output directory with one published asset, one bad manifest, and an empty catalogue."""
    folder = tmp_path / "out"
    for asset, text in ((ASSET, json.dumps({"asset": ASSET, "version": 2})), ("f" * 16, "{")):
        manifest = folder / "assets" / asset / "manifest.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(text, "utf-8")
    Ledger.open(RunDirectory(folder).ledger).close()
    return folder


def rebuild(*arguments: str) -> Result:
    argv = ["catalogue", "rebuild", *arguments]
    return CliRunner(env={"COLUMNS": "200"}).invoke(build(argv), argv)


def test_an_output_directory_is_rebuilt(out: Path) -> None:
    result = rebuild("--out", str(out), "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"assets": 1, "changed": 1, "removed": 0, "skipped": 1}
    assert f"skipped assets/{'f' * 16}/manifest.json" in result.stderr
    with Ledger.open(RunDirectory(out).ledger) as ledger:
        found = ledger.catalogue.get(ASSET)
    assert found is not None
    assert found.state is AssetState.READY


def test_a_ledger_and_a_store_are_rebuilt(out: Path, tmp_path: Path) -> None:
    result = rebuild("--ledger", str(tmp_path / "fleet.db"), "--store", str(out))
    assert "1 assets: 1 rows added or changed, 0 removed, 1 manifests skipped" in result.output
