"""Totals of the library for metrics: assets by state, and open uploads."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select

from eddyline.graph.db.library_schema import assets, uploads
from eddyline.graph.ledger.ledger import Ledger

STATES = ("processing", "ready", "failed", "cancelled", "deleting")


def count_assets(ledger: Ledger) -> Mapping[str, int]:
    """The number of assets in each state, of all owners."""
    query = select(assets.c.state, func.count()).group_by(assets.c.state)
    rows = ledger.read(lambda connection: connection.execute(query).all())
    return dict.fromkeys(STATES, 0) | {str(state): int(count) for state, count in rows}


def count_open_uploads(ledger: Ledger) -> int:
    """The number of uploads whose last byte has not arrived."""
    query = select(func.count()).select_from(uploads).where(uploads.c.state == "open")
    return int(ledger.read(lambda connection: connection.execute(query).scalar_one()))
