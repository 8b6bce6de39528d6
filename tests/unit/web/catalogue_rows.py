"""Rows of the catalogue for the tests of routes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert

from eddyline.graph.db.library_schema import assets
from eddyline.web.services import Services

ASSET = "0123456789abcdef"


def add_asset(services: Services, asset: str = ASSET, **values: Any) -> str:
    """Add an asset to the catalogue; `values` are columns. Returns its id."""
    row = {
        "asset": asset,
        "owner": "",
        "name": "GX010001.MP4",
        "state": "ready",
        "created": 1_700_000_000.0,
        "updated": 1_700_000_000.0,
        "profile": "default",
        "source": "/card/GX010001.MP4",
        "progress": 1.0,
        **values,
    }
    services.ledger.write(lambda c: c.execute(insert(assets), row))
    return asset
