"""The progress of the assets of a listing, which may be a second old.

An asset with 5,000 chunks takes about 20 ms to read. Many browsers show the same listing at the same time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection

from eddyline.fleet.pools import Pools
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.progress.asset_progress import AssetProgress, read_progress

KEPT_S = 1.0
"""How long the progress of an asset is kept."""


class RecentProgress:
    """Reads progress, and keeps it for `KEPT_S`. Safe from any thread. `monotonic` is in seconds."""

    def __init__(
        self, ledger: Ledger, pools: Pools, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._pools = pools
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, AssetProgress]] = {}

    def read(self, assets: Collection[str]) -> dict[str, AssetProgress]:
        """The progress of those of these assets that the catalogue contains."""
        if not assets:
            return {}
        with self._lock:  # the others wait for the same assets
            now = self._monotonic()
            self._kept = {asset: each for asset, each in self._kept.items() if now - each[0] < KEPT_S}
            missing = [asset for asset in assets if asset not in self._kept]
            for asset, progress in read_progress(self._ledger, self._pools, missing).items():
                self._kept[asset] = now, progress
            return {asset: self._kept[asset][1] for asset in assets if asset in self._kept}
