"""The list price of slots, and the slots of instances whose workers are gone."""

from __future__ import annotations

from dataclasses import replace

from eddyline.fleet.accounts.instance_slots import slots_of
from eddyline.fleet.accounts.price_list import PriceSource, price_list
from eddyline.fleet.accounts.slot_price import SlotPrice, SlotUse, price_of_slots
from eddyline.fleet.pools import load_pools
from eddyline.graph.instance import Instance

_PRICES = price_list(
    [("c5.large", "", 50.0, 3.6), ("c5.large", "a", 0.0, 0.36), ("c5.large", "a", 200.0, 0.72)],
    on_demand_name="list",
    spot_name="history",
)
_SPOT = Instance(instance="i-1", pool="cpu", instance_type="c5.large", zone="a", lifecycle="spot")
_USE = SlotUse(instance=_SPOT, slots=3, begin=100_000_000, end=300_000_000)


def test_slots_pay_their_part_of_the_price_of_each_moment() -> None:
    on_demand = replace(_USE, instance=replace(_SPOT, lifecycle="on-demand"), slots=2, end=110_000_000)
    found = price_of_slots([_USE, _USE, _USE, on_demand], _PRICES)
    # 100 s at 100,000 nano-dollars a second and 100 s at 200,000, three thirds; and 10 s of a half.
    assert found.nanos == 30_000_000 + 5_000_000
    assert found.sources == (
        PriceSource(option="on-demand", name="list", first=50.0, last=50.0),
        PriceSource(option="spot", name="history", first=0.0, last=200.0),
    )
    assert price_of_slots([], _PRICES) == SlotPrice(nanos=0, sources=())


def test_one_unknown_price_makes_the_sum_unknown() -> None:
    for use, reason in (
        (replace(_USE, instance=None), "not in the fleet record"),
        (replace(_USE, slots=None), "slots not known"),
        (replace(_USE, instance=replace(_SPOT, zone="b")), "no Spot price (c5.large b)"),
        (replace(_USE, instance=replace(_SPOT, lifecycle="")), "purchase option not known (c5.large a)"),
    ):
        assert price_of_slots([_USE, use], _PRICES) == SlotPrice(nanos=None, sources=(), missing=reason)


def test_slots_by_the_pool() -> None:
    pools = load_pools(None)
    slot = pools.pools["cpu"].slot
    assert slots_of(replace(_SPOT, vcpu=4), pools) == int(4 / slot.vcpu)
    assert slots_of(replace(_SPOT, vcpu=1), pools) == max(int(1 / slot.vcpu), 1)
    assert slots_of(replace(_SPOT, vcpu=4096), pools) == slot.most
    assert slots_of(_SPOT, pools) is None
    assert slots_of(replace(_SPOT, vcpu=4, pool="other"), pools) is None
