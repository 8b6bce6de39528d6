"""Prices as curves that a sum of many machines needs: dollars, and known seconds, since the first price."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eddyline.fleet.dashboard.window import Floats

_HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class PriceCurve:
    """The Spot price of one type in one zone: from each time of `at` on, the dollars an hour of `price`."""

    at: Floats
    price: Floats

    def cost(self, times: Floats) -> Floats:
        """The dollars that an instance costs from the first known price to each of the times."""
        place = np.clip(np.searchsorted(self.at, times, side="right") - 1, 0, None)
        since = np.clip(times - self.at[place], 0, None)
        cost: Floats = self._total[place] + since * self.price[place] / _HOUR_S
        return cost

    @cached_property
    def _total(self) -> Floats:
        """The dollars until each change."""
        return np.concatenate(([0.0], np.cumsum(np.diff(self.at) * self.price[:-1] / _HOUR_S)))

    def known_s(self, times: Floats) -> Floats:
        """The seconds from the first known price to each of the times."""
        known: Floats = np.clip(times - self.at[0], 0, None)
        return known


@dataclass(frozen=True, kw_only=True)
class PriceBook:
    """The prices: On-Demand in dollars an hour by type, Spot by type and Availability Zone."""

    on_demand: Mapping[str, float]
    spot: Mapping[tuple[str, str], PriceCurve]

    @property
    def is_empty(self) -> bool:
        """Whether it has no price at all."""
        return not self.on_demand and not self.spot


NO_PRICES = PriceBook(on_demand={}, spot={})


def price_book(prices: Iterable[tuple[str, str, float, float]]) -> PriceBook:
    """The book of prices (type, zone, time, dollars an hour); an empty zone means On-Demand.

    Of the On-Demand prices of a type, the newest counts for all times.
    """
    on_demand: dict[str, tuple[float, float]] = {}
    changes: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for instance_type, zone, at, usd_per_hour in prices:
        if zone:
            changes[instance_type, zone].append((at, usd_per_hour))
        else:
            on_demand[instance_type] = max(
                on_demand.get(instance_type, (at, usd_per_hour)), (at, usd_per_hour)
            )
    return PriceBook(
        on_demand={name: price for name, (_, price) in on_demand.items()},
        spot={
            key: PriceCurve(
                at=np.array([at for at, _ in ordered], np.float64),
                price=np.array([price for _, price in ordered], np.float64),
            )
            for key, found in changes.items()
            for ordered in [sorted(found)]
        },
    )
