from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from tests.unit.graph.ledger_helpers import claim_jobs, done, new, settle
from typer.testing import CliRunner

from eddyline.app.record_workload import record_workload
from eddyline.cli.main import build
from eddyline.core.clock import ManualClock
from eddyline.core.errors import UsageError
from eddyline.graph.db.library_schema import assets
from eddyline.graph.ledger.ledger import Ledger
from eddyline.sim.workload.recorded_file import read_recorded

ARGUMENTS = ["simulate", "record"]


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    """A ledger with one asset that was submitted an hour ago, and its two chunks of 40 and 20 s."""
    path = tmp_path / "ledger.db"
    clock = ManualClock(time.time() - 3600)
    with Ledger.open(path, clock=clock) as ledger:
        now = clock.now()
        row: dict[str, Any] = {"asset": "a", "owner": "ada", "name": "secret", "state": "ready"}
        row |= {"created": now, "updated": now, "profile": "", "source": "secret", "progress": 1.0}
        ledger._database.write(lambda c: c.execute(insert(assets), row))
        ledger.submit([new("a-1", kind="chunk"), new("a-2", kind="chunk")])
        for seconds in (40.0, 20.0):
            (claim,) = claim_jobs(ledger)
            clock.advance(seconds)
            assert settle(ledger, claim, done())
    return path


def test_a_ledger_is_recorded(ledger_file: Path, tmp_path: Path) -> None:
    to = tmp_path / "recorded.jsonl"
    options = ["--ledger", str(ledger_file), "--to", str(to), "--since", "2h", "--speed", "0.5"]
    result = CliRunner().invoke(build(ARGUMENTS), [*ARGUMENTS, *options])
    assert result.exit_code == 0, result.output
    assert "1 asset, 2 chunks, 0.0 slot-hours" in result.output
    (asset,) = read_recorded(to)
    assert asset.at_s == pytest.approx(3600, abs=60)
    assert asset.owner == "ada"
    assert asset.chunks == pytest.approx((20, 10), abs=1e-3)
    assert "secret" not in to.read_text()


def test_the_totals_are_printed_as_json(ledger_file: Path, tmp_path: Path) -> None:
    options = ["--ledger", str(ledger_file), "--to", str(tmp_path / "r.jsonl"), "--json"]
    result = CliRunner().invoke(build(ARGUMENTS), [*ARGUMENTS, *options])
    assert json.loads(result.output) == {
        "assets": 1,
        "chunks": 2,
        "slot_seconds": pytest.approx(60, abs=1e-3),
    }


def test_nothing_is_written_if_there_is_nothing_to_record(ledger_file: Path, tmp_path: Path) -> None:
    to = tmp_path / "recorded.jsonl"
    with (
        Ledger.open(ledger_file) as ledger,
        pytest.raises(UsageError, match="no published asset with measured chunks"),
    ):
        record_workload(ledger, to, since_s=60.0, speed=1.0)
    assert not to.exists()
