"""In which Spot pools a group launches: the allocation strategies of EC2 Auto Scaling.

AWS documents what a strategy optimizes, not its rule. `capacity-optimized` launches from the pools with the
most spare capacity, which nothing outside AWS can see and which does not depend on the price: a random pool
stands for it. `price-capacity-optimized` picks among the pools with the most spare capacity those with the
lowest price: the cheapest third by price of a vCPU, in random order, stands for it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Literal

from eddyline.sim.engine.instance import Offer

Strategy = Literal["capacity-optimized", "price-capacity-optimized", "lowest-price"]
_SHARE = 3


def allocation_order(
    offers: Sequence[Offer], strategy: Strategy, rng: random.Random, *, spot: bool
) -> list[int]:
    """The numbers of the offers in which to launch, the first choice first.

    On-Demand instances are launched by the lowest price of a vCPU with each strategy.
    """
    own = [number for number, offer in enumerate(offers) if offer.spot is spot]
    if spot and strategy == "capacity-optimized":
        rng.shuffle(own)
        return own
    if spot and strategy == "lowest-price":
        own.sort(key=lambda number: (offers[number].usd_h / offers[number].power, number))
        return own
    own.sort(key=lambda number: (offers[number].usd_h / offers[number].vcpu, number))
    if spot and strategy == "price-capacity-optimized":
        cheapest, rest = own[: math.ceil(len(own) / _SHARE)], own[math.ceil(len(own) / _SHARE) :]
        rng.shuffle(cheapest)
        return cheapest + rest
    return own
