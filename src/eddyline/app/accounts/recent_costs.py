"""Reports of costs of a server: computed one at a time, and kept for a minute."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from eddyline.app.accounts.answers import AssetCosts, FleetCosts, asset_costs, fleet_costs
from eddyline.app.accounts.asset_report import read_asset_costs
from eddyline.app.accounts.fleet_costs import By, read_costs
from eddyline.app.accounts.prices import PriceOptions
from eddyline.app.accounts.rendition_weights import read_encode_weights
from eddyline.fleet.pools import Pools
from eddyline.graph.ledger.ledger import Ledger
from eddyline.store.store import Store

KEEP_S = 60.0
_KEPT = 8
MAX_STARTS = 300_000
"""The most starts on the instances of an asset that a request may read: about three seconds of work."""


@dataclass(frozen=True, kw_only=True)
class _Kept:
    at: float
    costs: FleetCosts


class RecentCosts:
    """The costs of one ledger. Safe from any thread.

    A report of a month reads up to millions of rows, so that requests must not compute several at once.
    """

    def __init__(self, ledger: Ledger, pools: Pools, prices: PriceOptions) -> None:
        self._ledger, self._pools, self._prices = ledger, pools, prices
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[float, float | None, By, str | None], _Kept] = OrderedDict()

    def fleet(self, start: float, stop: float | None, *, by: By, owner: str | None) -> FleetCosts:
        """The costs between two times (seconds since 1970); `stop` None: until now.

        A report until now may be `KEEP_S` old.
        """
        now = self._ledger.now()
        # The page asks for ranges such as the last 30 days: each minute is a new range.
        key = (start // KEEP_S, None if stop is None else stop // KEEP_S, by, owner)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and 0 <= now - kept.at < KEEP_S:
                return kept.costs
            report = read_costs(
                self._ledger,
                self._pools,
                self._prices,
                start=start,
                stop=now if stop is None else stop,
                by=by,
                owner=owner,
            )
            found = fleet_costs(report)
            self._kept[key] = _Kept(at=now, costs=found)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return found

    def asset(self, store: Store, asset: str) -> AssetCosts | None:
        """The costs of one asset; None if the ledger does not know it. Raises `UsageError`."""
        weights = read_encode_weights(store, asset)
        found = read_asset_costs(
            self._ledger, self._pools, self._prices, asset, weights=weights, max_starts=MAX_STARTS
        )
        return None if found is None else asset_costs(found)
