"""The progress of assets for routes; the pools of workers are read once."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path

from eddyline.fleet.pools import Pools, load_pools
from eddyline.library.asset_progress import AssetProgress, read_progress
from eddyline.web.services import Services


def progress_of(services: Services, assets: Collection[str]) -> dict[str, AssetProgress]:
    """The progress of those of these assets that the catalogue contains."""
    return read_progress(services.ledger, _pools(services.shared.settings.pools), assets)


@cache
def _pools(path: Path | None) -> Pools:
    """The pools of a file: reading it takes longer than all queries."""
    return load_pools(path)
