"""The list price of the slots that starts took: what is known of their cost while their instances still run.

Each start pays the price of its instance at that time for one of its slots. Unlike the cost of an instance
(`instance_cost.py`) this needs no other starts, and does not change when the instance ends; boot, idle time,
drain and the 60 seconds that AWS bills at least are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from eddyline.fleet.accounts.price_list import HOUR_US, Missing, PriceList, PriceSource
from eddyline.graph.instance import Instance


@dataclass(frozen=True, kw_only=True)
class SlotUse:
    """A slot that was used from `begin` to `end` (microseconds).

    `instance` None: the fleet record does not contain it. `slots` None: how many it has is not known.
    """

    instance: Instance | None
    slots: int | None
    begin: int
    end: int


@dataclass(frozen=True, kw_only=True)
class SlotPrice:
    """The price of all uses in nano-dollars, and its sources; or `missing`: why it is not known."""

    nanos: int | None
    sources: tuple[PriceSource, ...]
    missing: str = ""


SLOTS_UNKNOWN = "slots not known"


def price_of_slots(uses: Iterable[SlotUse], prices: PriceList) -> SlotPrice:
    """The list price of slots; it is known only if that of each of them is. Rounded once, half to even."""
    total = Fraction(0)
    sources: dict[str, PriceSource] = {}
    for use in uses:
        instance = use.instance
        if instance is None:
            return _unknown(Missing.RECORD)
        if not use.slots:
            return _unknown(SLOTS_UNKNOWN)
        found = prices.price(
            instance.lifecycle, instance.instance_type, instance.zone, use.begin, max(use.begin, use.end)
        )
        if isinstance(found, Missing):
            where = f"{instance.instance_type} {instance.zone}".strip()
            return _unknown(f"{found} ({where})" if where else found)
        total += Fraction(found.scaled, HOUR_US * use.slots)
        source = sources.get(found.option)
        sources[found.option] = (
            PriceSource(
                option=found.option, name=prices.name_of(found.option), first=found.first, last=found.last
            )
            if source is None
            else source.extended(found.first, found.last)
        )
    return SlotPrice(nanos=round(total), sources=tuple(each for _, each in sorted(sources.items())))


def _unknown(reason: str) -> SlotPrice:
    return SlotPrice(nanos=None, sources=(), missing=str(reason))
