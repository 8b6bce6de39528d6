"""Prices of instances over time as integers, and where they come from.

On-Demand: the newest price of a type counts for all times, because AWS has changed few of them. Spot: each
change counts from its time on. A life is priced only if all of it has a price.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from eddyline.fleet.accounts.money import nanos_of
from eddyline.fleet.accounts.slot_time import microseconds
from eddyline.graph.instance import ON_DEMAND, SPOT

HOUR_US = 3_600_000_000

Change = tuple[int, int]
"""From this time on (microseconds since 1970), this price in nano-dollars an hour."""


class Missing(StrEnum):
    """Why the cost of an instance is not known."""

    RECORD = "not in the fleet record"
    LAUNCH = "launch not known"
    PURCHASE = "purchase option not known"
    TYPE = "instance type not known"
    ON_DEMAND = "no On-Demand price"
    SPOT = "no Spot price"
    MACHINE = "no price of this machine"


@dataclass(frozen=True, kw_only=True)
class PriceSource:
    """Where prices of one purchase option come from: `name` a table or a file.

    `first` and `last` are the dates of the oldest and the newest price that was used, in seconds since 1970.
    For a file without dates, they are the time at which it was last changed.
    """

    option: str
    name: str
    first: float
    last: float

    def extended(self, first: float, last: float) -> PriceSource:
        """The source with a wider range of dates."""
        return replace(self, first=min(self.first, first), last=max(self.last, last))


@dataclass(frozen=True, kw_only=True)
class Priced:
    """The exact cost of a period: `scaled` nano-dollars times `HOUR_US`, and the dates of its prices."""

    scaled: int
    option: str
    first: float
    last: float

    @property
    def nanos(self) -> int:
        """The nano-dollars, rounded once, half up."""
        return (2 * self.scaled + HOUR_US) // (2 * HOUR_US)


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """On-Demand prices by type as (time, price), Spot prices by type and zone as changes in order of time.

    `on_demand_name` and `spot_name` say where they come from.
    """

    on_demand: Mapping[str, Change]
    spot: Mapping[tuple[str, str], Sequence[Change]]
    on_demand_name: str = ""
    spot_name: str = ""

    def name_of(self, option: str) -> str:
        """Where the prices of a purchase option come from."""
        return self.spot_name if option == SPOT else self.on_demand_name

    def price(self, lifecycle: str, instance_type: str, zone: str, begin: int, end: int) -> Priced | Missing:
        """The cost of an instance from `begin` to `end` (microseconds), or why it is not known."""
        if lifecycle not in {SPOT, ON_DEMAND}:
            return Missing.PURCHASE
        if not instance_type:
            return Missing.TYPE
        if lifecycle == SPOT:
            return _spot(self.spot.get((instance_type, zone), ()), begin, end)
        found = self.on_demand.get(instance_type)
        if found is None:
            return Missing.ON_DEMAND
        at, hourly = found
        date = at / 1_000_000
        return Priced(scaled=hourly * max(end - begin, 0), option=ON_DEMAND, first=date, last=date)


def _spot(changes: Sequence[Change], begin: int, end: int) -> Priced | Missing:
    first = bisect_right(changes, (begin, math.inf)) - 1
    if first < 0:
        return Missing.SPOT
    scaled, number = 0, first
    while number < len(changes) and (changes[number][0] < end or number == first):
        at, hourly = changes[number]
        until = changes[number + 1][0] if number + 1 < len(changes) else end
        scaled += hourly * max(min(until, end) - max(at, begin), 0)
        number += 1
    dates = changes[first][0] / 1_000_000, changes[number - 1][0] / 1_000_000
    return Priced(scaled=scaled, option=SPOT, first=dates[0], last=dates[1])


def price_list(
    prices: Iterable[tuple[str, str, float, float]], *, on_demand_name: str = "", spot_name: str = ""
) -> PriceList:
    """The list of prices (type, zone, time, dollars an hour); an empty zone means On-Demand."""
    on_demand: dict[str, Change] = {}
    spot: dict[tuple[str, str], list[Change]] = {}
    for instance_type, zone, at, usd_per_hour in prices:
        change = microseconds(at), nanos_of(usd_per_hour)
        if zone:
            spot.setdefault((instance_type, zone), []).append(change)
        else:
            on_demand[instance_type] = max(on_demand.get(instance_type, change), change)
    return PriceList(
        on_demand=on_demand,
        spot={key: sorted(changes) for key, changes in spot.items()},
        on_demand_name=on_demand_name,
        spot_name=spot_name,
    )


NO_PRICES = PriceList(on_demand={}, spot={})
