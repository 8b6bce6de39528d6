"""The progress of the assets of a listing, which may be some seconds old.

An asset with 5,000 chunks takes about 20 ms to read, and many browsers show the same listing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection

from eddyline.fleet.pools import Pools
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.progress.asset_progress import AssetProgress, read_progress

FRESH_S = 2.0
"""Progress that is older is read again, by one thread; the others get the old one meanwhile."""
KEPT_S = 5.0
"""Progress that is older is not returned."""


class RecentProgress:
    """Reads progress, and keeps it for a short time. Safe from any thread. `monotonic` is in seconds."""

    def __init__(
        self, ledger: Ledger, pools: Pools, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._pools = pools
        self._monotonic = monotonic
        self._reading = threading.Lock()
        self._kept: dict[str, tuple[float, AssetProgress]] = {}

    def read(self, assets: Collection[str]) -> dict[str, AssetProgress]:
        """The progress of those of these assets that the catalogue contains."""
        if self._older(assets, KEPT_S):
            with self._reading:
                self._read(self._older(assets, KEPT_S))
        elif self._older(assets, FRESH_S) and self._reading.acquire(blocking=False):
            try:
                self._read(self._older(assets, FRESH_S))
            finally:
                self._reading.release()
        kept = self._kept
        return {asset: kept[asset][1] for asset in assets if asset in kept}

    def _older(self, assets: Collection[str], age_s: float) -> list[str]:
        """Those whose progress is not known, or older than `age_s`."""
        kept, since = self._kept, self._monotonic() - age_s
        return [asset for asset in assets if asset not in kept or kept[asset][0] < since]

    def _read(self, assets: Collection[str]) -> None:
        """Read the progress of these assets, and forget what is too old. For one thread at a time."""
        now = self._monotonic()
        found = read_progress(self._ledger, self._pools, assets)
        kept = {
            asset: each
            for asset, each in self._kept.items()
            if now - each[0] <= KEPT_S and asset not in assets
        }
        self._kept = kept | {asset: (now, progress) for asset, progress in found.items()}
