"""The prices of the demonstration, and the pressure on Spot capacity that also drives interruptions."""

from __future__ import annotations

import math
import random

from eddyline.fleet.demo.demo_pools import POOLS, ZONES
from eddyline.graph.ledger.fleet.prices import Price

_CHANGE_S = 5 * 3600.0  # about how often AWS changes a Spot price
_UNKNOWN_DAYS = 2.0  # the first days of one type have no Spot price: the share of known prices is below 1
_UNKNOWN_TYPE = "c6i.large"


def demo_prices(rng: random.Random, *, start: float, stop: float) -> list[Price]:
    """On-Demand prices of all types, and the changes of their Spot prices between two times."""
    found = []
    for kind in (each for pool in POOLS for each in pool.types):
        found.append(Price(instance_type=kind.name, zone="", at=start - 1, usd_per_hour=kind.usd_per_hour))
        for zone in ZONES:
            at = start - 1 + (_UNKNOWN_DAYS * 86_400 if kind.name == _UNKNOWN_TYPE else 0)
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
