"""A pool as the scaler reads it: its instances by type, zone and purchase option, with prices and history."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eddyline.fleet.groups.group import Group, InstanceFacts, Member
from eddyline.fleet.pools import Pool
from eddyline.fleet.scaler.rules import PoolReading

_UNKNOWN = InstanceFacts()
_UNKNOWN_USD_H = 1.0  # of a vCPU where no price of the purchase option is known: all types are equal


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A type in a zone on Spot or On-Demand; an empty type stands for those that AWS chooses."""

    instance_type: str
    zone: str
    spot: bool
    vcpu: int


@dataclass(frozen=True, kw_only=True)
class Held:
    """An instance that is capacity now; `place` is that of its offer in `PoolView.offers`."""

    member: Member
    facts: InstanceFacts
    vcpu: int
    place: int
    spot: bool


@dataclass(frozen=True, kw_only=True)
class PoolView:
    """`readings` are those of `offers`, in the same order.

    `held` instances are neither announced to end nor part of the On-Demand base, `base_vcpu` that of the
    base, and `leaving` the instances whose end is announced but which their groups still count.
    """

    offers: Sequence[Offer]
    readings: Sequence[PoolReading]
    held: Sequence[Held]
    leaving: Sequence[Held] = field(default_factory=tuple)
    base_vcpu: int = 0


@dataclass(frozen=True, kw_only=True)
class Market:
    """What is known of instance types: by type and zone, and `vcpu` by type.

    `usd_h` are dollars an hour (an empty zone: On-Demand), `history` interruptions in instance-hours.
    """

    usd_h: Mapping[tuple[str, str], float] = field(default_factory=dict)
    history: Mapping[tuple[str, str], tuple[int, float]] = field(default_factory=dict)
    vcpu: Mapping[str, int] = field(default_factory=dict)


def view_pool(
    pool: Pool,
    groups: Sequence[Group],
    facts: Mapping[str, InstanceFacts],
    market: Market,
) -> PoolView:
    """Read the groups of `pool`."""
    offers: dict[tuple[str, str, bool], int] = {}
    vcpus: list[int] = []

    def place_of(instance_type: str, zone: str, spot: bool, vcpu: int) -> int:  # noqa: FBT001 - a key
        key = instance_type, zone, spot
        if key not in offers:
            offers[key] = len(vcpus)
            vcpus.append(vcpu)
        return offers[key]

    for group in groups:
        for instance_type, zone, vcpu in _choices(pool, group):
            place_of(instance_type, zone, group.spot, vcpu)
    found: list[Held] = []
    for group in groups:
        for member in group.members:
            if member.counts:
                known = facts.get(member.instance, _UNKNOWN)
                vcpu = _vcpu(pool, member, known, market)
                place = place_of(member.instance_type, member.zone, group.spot, vcpu)
                found.append(Held(member=member, facts=known, vcpu=vcpu, place=place, spot=group.spot))
    staying, base_vcpu = _without_base(
        [each for each in found if not each.facts.ends], pool.capacity.on_demand.min_vcpu
    )
    named = [
        Offer(instance_type=key[0], zone=key[1], spot=key[2], vcpu=vcpus[place])
        for key, place in offers.items()
    ]
    slots = _slots(found)
    unknown_usd_h = {spot: _dearest_usd_h(named, market.usd_h, spot=spot) for spot in (True, False)}
    readings = [
        _reading(
            offer,
            [each for each in staying if each.place == place],
            power=float(slots.get(offer.instance_type) or slots_of(pool, offer.vcpu)),
            usd_h=_usd_h(offer, market.usd_h) or unknown_usd_h[offer.spot] * offer.vcpu,
            history=market.history.get((offer.instance_type, offer.zone), (0, 0.0)),
        )
        for place, offer in enumerate(named)
    ]
    return PoolView(
        offers=named,
        readings=readings,
        held=staying,
        leaving=[each for each in found if each.facts.ends],
        base_vcpu=base_vcpu,
    )


def smallest_vcpu(pool: Pool) -> int:
    """The vCPU of the smallest machine of a pool."""
    capacity = pool.capacity
    if capacity.requirements is not None:
        return capacity.requirements.vcpu.min
    return min(capacity.types.values(), default=1)


def _choices(pool: Pool, group: Group) -> list[tuple[str, str, int]]:
    """What a group may launch; nothing if its maximum is 0."""
    capacity = pool.capacity
    if (capacity.max_vcpu if group.spot else capacity.on_demand.max_vcpu) <= 0:
        return []
    if not capacity.types:
        return [("", "", smallest_vcpu(pool))]
    ordered = [name for name in group.types if name in capacity.types]
    ordered += [name for name in capacity.types if name not in ordered]
    zones = capacity.zones or group.zones or ("",)
    return [(name, zone, capacity.types[name]) for name in ordered for zone in zones]


def _vcpu(pool: Pool, member: Member, facts: InstanceFacts, market: Market) -> int:
    """In the units of the group first: a sum of them is compared with its desired capacity."""
    name = member.instance_type
    known = member.weight or pool.capacity.types.get(name) or facts.vcpu or market.vcpu.get(name)
    return known or smallest_vcpu(pool)


def _without_base(found: Sequence[Held], base_vcpu: int) -> tuple[list[Held], int]:
    """The instances beside those that make up the On-Demand base, and the vCPU of the latter."""
    kept: list[Held] = []
    base = 0
    for each in found:
        if not each.spot and base < base_vcpu:
            base += each.vcpu
        else:
            kept.append(each)
    return kept, base


def _slots(found: Sequence[Held]) -> Mapping[str, int]:
    """The slots of each type that workers reported: memory may allow fewer than vCPU do."""
    slots: dict[str, int] = {}
    for each in found:
        name = each.member.instance_type
        if each.facts.slots:
            slots[name] = max(slots.get(name, 0), each.facts.slots)
    return slots


def slots_of(pool: Pool, vcpu: int) -> int:
    """The slots of a machine by its vCPU alone."""
    return max(min(int(vcpu / pool.slot.vcpu + 1e-3), pool.slot.most), 1)


def _reading(
    offer: Offer,
    held: Sequence[Held],
    *,
    power: float,
    usd_h: float,
    history: tuple[int, float],
) -> PoolReading:
    ready = sum(each.facts.slots > 0 for each in held)
    interrupted, hours = history if offer.spot else (0, 0.0)
    return PoolReading(
        usd_h=usd_h,
        power=power,
        spot=offer.spot,
        booting=len(held) - ready,
        ready=ready,
        interrupted=interrupted,
        hours=hours,
    )


def _usd_h(offer: Offer, prices: Mapping[tuple[str, str], float]) -> float | None:
    known = prices.get((offer.instance_type, offer.zone if offer.spot else ""))
    return known if known is not None and math.isfinite(known) and known > 0 else None


def _dearest_usd_h(offers: Sequence[Offer], prices: Mapping[tuple[str, str], float], *, spot: bool) -> float:
    """The price of a vCPU where the price of an offer is unknown: the highest known one."""
    known = [
        usd_h / each.vcpu
        for each in offers
        if each.spot is spot and (usd_h := _usd_h(each, prices)) is not None
    ]
    return max(known, default=_UNKNOWN_USD_H)
