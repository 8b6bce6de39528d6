"""What to do with a group: its desired capacity, and the instances to end. All capacities are in vCPU.

A step can be repeated, and comes from what the group is now, not from earlier steps. So what an earlier
leader did late is corrected by the next step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eddyline.fleet.groups.group import Group
from eddyline.fleet.groups.pool_view import Held, PoolView
from eddyline.fleet.scaler.rules import PoolReading
from eddyline.fleet.scaler.scale_in import Candidate, choose_victims
from eddyline.fleet.scaler.scaler import ScalerDecision

MAX_VICTIMS = 50
"""Instances that one step ends in a group: each is a call, and AWS throttles calls."""

_REPLACED_S = 90.0  # after the warning, whose instance ends 120 s after it


@dataclass(frozen=True, kw_only=True)
class GroupStep:
    """Set `desired` (None: leave it), then end `victims` and decrease the desired capacity with each.

    `victims_vcpu` is their capacity, `launch_vcpu` that of the instances to launch.
    """

    group: str
    desired: int | None
    victims: tuple[str, ...]
    victims_vcpu: int = 0
    launch_vcpu: int = 0


def launch_counts(
    pools: Sequence[PoolReading], order: Sequence[int], power: float, *, at_least_one: bool
) -> list[tuple[int, int]]:
    """Pairs of a pool and how many of its instances make up `power` reference slots.

    Instances are launched while more than half of one is missing. A fleet without any gets one.
    """
    left = power
    found: list[tuple[int, int]] = []
    for place in order:
        each = pools[place].power
        count = max(int(left / each + 0.5), int(at_least_one and left > 0))
        if count:
            found.append((place, count))
            left -= count * each
            at_least_one = False
    return found


def plan_group(
    group: Group, view: PoolView, decision: ScalerDecision, *, least: int, most: int, now: float
) -> GroupStep:
    """The step of one of the two groups; `least` and `most` are the bounds of pools.yaml."""
    least, most = max(least, group.least), min(most, group.most)
    held = [each for each in view.held if each.spot is group.spot]
    launch_vcpu = _launch_vcpu(group, view, decision)
    base_vcpu = 0 if group.spot else max(view.base_vcpu, least)  # what it lacks is launched for `least`
    capacity = sum(each.vcpu for each in held) + base_vcpu
    counted = capacity + sum(each.vcpu for each in view.leaving if _is_counted(each, group, now))
    # Without a launch, an order that was not fulfilled is withdrawn; capacity itself is never taken so.
    wanted = counted + launch_vcpu if launch_vcpu else min(group.desired, counted)
    desired = max(min(wanted, most), least)
    victims = _choose_victims(
        held,
        view,
        decision.drain_spot if group.spot else decision.drain_on_demand,
        room=min(desired, capacity) - least,
    )
    return GroupStep(
        group=group.name,
        desired=None if desired == group.desired else desired,
        victims=tuple(each.member.instance for each in victims),
        victims_vcpu=sum(each.vcpu for each in victims),
        launch_vcpu=launch_vcpu,
    )


def _launch_vcpu(group: Group, view: PoolView, decision: ScalerDecision) -> int:
    power = decision.launch_spot if group.spot else decision.launch_on_demand
    order: Sequence[int] = decision.spot_order if group.spot else decision.on_demand_order
    by_attributes = [
        place
        for place, offer in enumerate(view.offers)
        if offer.spot is group.spot and not offer.instance_type
    ]
    has_any = any(each.ready or each.booting for each in view.readings)
    counts = launch_counts(view.readings, by_attributes or order, power, at_least_one=not has_any)
    return sum(view.offers[place].vcpu * count for place, count in counts)


def _is_counted(each: Held, group: Group, now: float) -> bool:
    """Whether the desired capacity includes an instance whose end is announced.

    While it runs, its group counts it: a capacity without it would not be replaced. Shortly before it ends
    it is left out, or the group would replace it a second time.
    """
    warned = each.facts.warned_at
    return each.spot is group.spot and (warned is None or now - warned < _REPLACED_S)


def _choose_victims(held: Sequence[Held], view: PoolView, power: float, *, room: int) -> list[Held]:
    """The instances to end, idle ones first, with a capacity of at most `room`."""
    if power <= 0 or room <= 0:
        return []
    candidates = [
        Candidate(
            power=view.readings[each.place].power,
            busy=min(each.facts.busy / each.facts.slots, 1.0) if each.facts.slots else 0.0,
            price=view.readings[each.place].usd_h / view.readings[each.place].power,
            booting=not each.facts.slots,
        )
        for each in held
    ]
    chosen: list[Held] = []
    for place in choose_victims(candidates, power):
        each = held[place]
        if each.vcpu <= room and len(chosen) < MAX_VICTIMS:
            chosen.append(each)
            room -= each.vcpu
    return chosen
