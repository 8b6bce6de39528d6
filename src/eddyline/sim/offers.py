"""The offers of a scenario: pools of a market, and instance types On-Demand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from eddyline.core.errors import UsageError
from eddyline.sim.engine.instance import Offer
from eddyline.sim.market.market import Market, MarketPool
from eddyline.sim.types import TypeFigures

REFERENCE_VCPU = 2
"""The vCPU of a reference slot, as in the pool `cpu` of pools.yaml."""


def make_offer(
    figures: TypeFigures, *, spot: bool, zone: str, name: str, reference_fps: float, slot_vcpu: int
) -> Offer:
    """One offer; a type whose speed was not measured is as fast as the reference."""
    slots = max(figures.vcpu // slot_vcpu, 1)
    speed = 1.0 if figures.fps is None else figures.fps / slots / reference_fps
    return Offer(
        name=name,
        type=figures.name,
        zone=zone,
        spot=spot,
        vcpu=figures.vcpu,
        slots=slots,
        speed=speed,
        usd_h=figures.spot_usd_h if spot else figures.on_demand_usd_h,
        own_usd_h=figures.on_demand_usd_h,
    )


def spot_offers(
    market: Market, types: Mapping[str, TypeFigures], *, reference_fps: float, slot_vcpu: int
) -> list[Offer]:
    """An offer for each pool of the market; raises `UsageError` for a type that `types` lacks."""
    return [
        make_offer(
            _figures(pool, types),
            spot=True,
            zone=pool.zone,
            name=pool.name,
            reference_fps=reference_fps,
            slot_vcpu=slot_vcpu,
        )
        for pool in market.pools
    ]


def on_demand_offers(
    names: Iterable[str], types: Mapping[str, TypeFigures], *, reference_fps: float, slot_vcpu: int
) -> list[Offer]:
    """An On-Demand offer for each type, by name and once."""
    return [
        make_offer(
            types[name],
            spot=False,
            zone="",
            name=f"{name}/on-demand",
            reference_fps=reference_fps,
            slot_vcpu=slot_vcpu,
        )
        for name in sorted(set(names))
    ]


def market_slots(market: Market, offers: Sequence[Offer]) -> tuple[float, float]:
    """The greatest and the mean capacity of a market over time, in reference slots."""
    changes: dict[float, float] = {}
    mean = 0.0
    for pool, offer in zip(market.pools, offers, strict=True):
        mean += pool.mean_count(market.end_s) * offer.power
        before = 0
        for at, count in pool.counts():
            changes[at] = changes.get(at, 0.0) + (count - before) * offer.power
            before = count
    now = most = 0.0
    for at in sorted(changes):
        now += changes[at]
        most = max(most, now)
    return most, mean


def instances_per_unit(market: Market, offers: Sequence[Offer], slots: float) -> int:
    """The instances for which a unit stands so that the market can hold a fleet of `slots`."""
    most, _ = market_slots(market, offers)
    return max(math.ceil(slots / most), 1) if most else 1


def _figures(pool: MarketPool, types: Mapping[str, TypeFigures]) -> TypeFigures:
    found = types.get(pool.type)
    if found is None:
        raise UsageError(
            f"pool {pool.name}: nothing is known of the instance type {pool.type!r}",
            remedy="describe it in the section `types` of the scenario: vcpu, on_demand_usd_h, discount",
        )
    return found
