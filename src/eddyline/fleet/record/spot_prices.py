"""Spot prices over time, as DescribeSpotPriceHistory returns them, and what an instance cost by them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from eddyline.fleet.notices import parse_time

MAX_CHANGES = 2_000_000
_MAX_PRICE = 10_000.0  # dollars an hour
_LINUX = frozenset({"Linux/UNIX", "Linux/UNIX (Amazon VPC)"})

Change: TypeAlias = tuple[float, float]
"""From this time on (seconds since 1970), this price in dollars an hour."""


@dataclass(frozen=True, kw_only=True)
class Covered:
    """The `seconds` of a period for which the price is known, and their `cost` in dollars."""

    seconds: float
    cost: float


class SpotPrices:
    """The changes of the Spot price, by instance type and Availability Zone."""

    def __init__(self, changes: Mapping[tuple[str, str], Iterable[Change]]) -> None:
        self._changes: dict[tuple[str, str], Sequence[Change]] = {
            pool: sorted(found) for pool, found in changes.items()
        }

    @property
    def changes(self) -> Mapping[tuple[str, str], Sequence[Change]]:
        """The changes in order of time, by instance type and Availability Zone."""
        return self._changes

    def cost(self, instance_type: str, zone: str, start: float, stop: float) -> Covered:
        """The cost of an instance from `start` to `stop`, without the time before the first known price."""
        changes = self._changes.get((instance_type, zone), ())
        seconds = cost = 0.0
        first = max(bisect_right(changes, (start, math.inf)) - 1, 0)
        for number in range(first, len(changes)):
            at, price = changes[number]
            end = changes[number + 1][0] if number + 1 < len(changes) else math.inf
            length = min(end, stop) - max(at, start)
            if at >= stop:
                break
            if length > 0:
                seconds += length
                cost += length * price / 3600
        return Covered(seconds=seconds, cost=cost)


def parse_spot_prices(plain: object) -> SpotPrices:
    """The prices in a response of DescribeSpotPriceHistory, as the AWS CLI prints it.

    Prices of other systems than Linux are left out. Raises ValueError that says what is wrong.
    """
    history = plain.get("SpotPriceHistory") if isinstance(plain, Mapping) else None
    if not isinstance(history, Sequence) or isinstance(history, str):
        raise ValueError("expected an object with the list SpotPriceHistory")  # noqa: TRY004 - a file's
    if len(history) > MAX_CHANGES:
        raise ValueError(f"{len(history):,} prices; at most {MAX_CHANGES:,} are read")
    changes: dict[tuple[str, str], list[Change]] = defaultdict(list)
    for number, each in enumerate(history):
        if not isinstance(each, Mapping):
            raise ValueError(f"SpotPriceHistory[{number}] is not an object")  # noqa: TRY004 - as above
        if each.get("ProductDescription", "Linux/UNIX") in _LINUX:
            pool = str(each.get("InstanceType", "")), str(each.get("AvailabilityZone", ""))
            changes[pool].append((_time(each, number), _price(each, number)))
    return SpotPrices(changes)


def _time(each: Mapping[str, Any], number: int) -> float:
    try:
        return parse_time(each.get("Timestamp"))
    except ValueError as error:
        raise ValueError(f"SpotPriceHistory[{number}].Timestamp: {error}") from None


def _price(each: Mapping[str, Any], number: int) -> float:
    try:
        price = float(each.get("SpotPrice", ""))
    except (TypeError, ValueError):
        price = math.nan
    if not 0 <= price <= _MAX_PRICE:
        raise ValueError(f"SpotPriceHistory[{number}].SpotPrice is not a price in dollars an hour")
    return price
