"""Rows of the catalogue for tests, inserted as they are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert

from eddyline.graph.db.library_schema import assets
from eddyline.graph.ledger.ledger import Ledger

_DEFAULTS: dict[str, Any] = {
    "owner": "",
    "state": "ready",
    "profile": "h264",
    "source": "GX010001.MP4",
    "progress": 0.0,
}


def insert_assets(ledger: Ledger, *rows: dict[str, Any]) -> None:
    """Insert rows; each has at least the key `asset`, and is created at its number by default."""
    full = [
        {"name": f"{row['asset']}.mp4", "created": float(number), "updated": 0.0, **_DEFAULTS, **row}
        for number, row in enumerate(rows)
    ]
    for row in full:
        ledger.write(lambda c, row=row: c.execute(insert(assets), row))  # type: ignore[misc]
