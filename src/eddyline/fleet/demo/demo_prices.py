"""The prices of the demonstration, and the pressure on Spot capacity that also drives interruptions."""

from __future__ import annotations

import math
import random

from eddyline.fleet.demo.demo_pools import POOLS, ZONES
from eddyline.graph.ledger.fleet.prices import Price

_CHANGE_S = 5 * 3600.0  # about how often AWS changes a Spot price
_UNKNOWN = {("c6i.12xlarge", "us-east-1c"), ("c6i.large", "us-east-1a")}
"""These have no known Spot price, as real fleets have some: the share of known prices is below 1."""


def demo_prices(rng: random.Random, *, start: float, stop: float) -> list[Price]:
    """On-Demand prices of all types, and the changes of their Spot prices between two times."""
    found = []
    for kind in (each for pool in POOLS for each in pool.types):
        found.append(Price(instance_type=kind.name, zone="", at=start - 1, usd_per_hour=kind.usd_per_hour))
        for zone in ZONES:
            at = stop if (kind.name, zone) in _UNKNOWN else start - 1
            while at < stop:
                share = (1 - kind.discount) * (0.75 + 0.25 * pressure_of(kind.name, zone, at))
                price = kind.usd_per_hour * min(share * rng.uniform(0.97, 1.03), 1.0)
                found.append(Price(instance_type=kind.name, zone=zone, at=at, usd_per_hour=round(price, 4)))
                at += rng.uniform(0.5, 1.5) * _CHANGE_S
    return found


def pressure_of(instance_type: str, zone: str, at: float) -> float:
    """How scarce the capacity of a type in a zone is: 1 on average, more in some weeks."""
    phase = sum(map(ord, instance_type + zone))
    slow = math.sin(at / (86_400 * 11) + phase)
    daily = math.sin(2 * math.pi * (at % 86_400) / 86_400 - 1.9)
    return max(1 + 0.6 * slow + 0.35 * daily, 0.1)
