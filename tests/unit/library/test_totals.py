"""Totals of the library for metrics."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert

from eddyline.graph.db.library_schema import uploads
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.totals import STATES, count_assets, count_open_uploads


def test_every_state_is_counted_also_without_assets(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        assert count_assets(ledger) == dict.fromkeys(STATES, 0)


def test_uploads_count_until_their_last_byte(tmp_path: Path) -> None:
    row = {
        "owner": "",
        "name": "x",
        "offset": 0,
        "fingerprint": "",
        "metadata": "{}",
        "created": 0.0,
        "expires": 1.0,
        "updated": 0.0,
        "recording": "",
        "part": 0,
        "parts": 1,
        "directory": "",
    }
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        rows = [{**row, "id": state, "state": state} for state in ("open", "complete", "submitted", "failed")]
        ledger.write(lambda connection: connection.execute(insert(uploads), rows))
        assert count_open_uploads(ledger) == 1
