"""What the scaler reads of a pool: prices, slots and history of its types."""

from __future__ import annotations

import pytest
from tests.unit.fleet.groups.groups_of_a_pool import ZONE, busy, group, member, pool

from eddyline.fleet.groups.group import InstanceFacts
from eddyline.fleet.groups.pool_view import Market, view_pool

GROUPS = [group(), group(spot=False)]


def test_each_type_and_zone_on_spot_and_on_demand_is_an_offer() -> None:
    found = view_pool(pool(), GROUPS, {}, Market())
    assert [(each.instance_type, each.zone, each.spot) for each in found.offers] == [
        (name, ZONE, spot) for spot in (True, False) for name in ("c6a.4xlarge", "c7a.4xlarge")
    ]
    assert {reading.power for reading in found.readings} == {8.0}
    assert len(view_pool(pool(on_demand={"max_vcpu": 0}), GROUPS, {}, Market()).offers) == 2


def test_prices_are_by_zone_on_spot_and_by_type_on_demand_and_unknown_ones_are_the_dearest() -> None:
    market = Market(usd_h={("c6a.4xlarge", ZONE): 0.3, ("c7a.4xlarge", ""): 0.8, ("c7a.4xlarge", "b"): 0.1})
    found = view_pool(pool(), GROUPS, {}, market)
    assert [reading.usd_h for reading in found.readings] == pytest.approx([0.3, 0.3, 0.8, 0.8])


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_price_is_unknown(price: float) -> None:
    found = view_pool(pool(), GROUPS, {}, Market(usd_h={("c6a.4xlarge", ZONE): price}))
    assert found.readings[0].usd_h == 16.0


def test_slots_are_those_that_workers_report() -> None:
    facts = {"a": InstanceFacts(slots=6, busy=1, vcpu=16)}
    found = view_pool(pool(), [group(member("a"), member("b"))], facts, Market())
    assert found.readings[0].power == 6.0
    assert (found.readings[0].ready, found.readings[0].booting) == (1, 1)


def test_ending_instances_do_not_count_and_history_belongs_to_spot() -> None:
    history = {("c6a.4xlarge", ZONE): (3, 70.0)}
    facts = {"a": InstanceFacts(slots=8, ends=True, warned_at=1.0), "b": busy(1)}
    groups = [group(member("a"), member("b")), group(member("c"), spot=False)]
    found = view_pool(pool(), groups, facts, Market(history=history))
    spot, _, on_demand, _ = found.readings
    assert (spot.ready, spot.interrupted, spot.hours) == (1, 3, 70.0)
    assert (on_demand.booting, on_demand.interrupted, on_demand.hours) == (1, 0, 0.0)
    assert [each.member.instance for each in found.leaving] == ["a"]


def test_the_vcpu_of_types_that_aws_chose_are_those_of_the_record() -> None:
    chosen = pool(
        types={},
        requirements={"memory_mib": {"min": 32_768, "max": 65_536}, "vcpu": {"min": 32, "max": 64}},
    )
    found = group(
        member("a", "m7a.8xlarge", weight=None),
        member("b", "m7a.16xlarge", weight=None),
        member("c", "m6a.12xlarge", weight=None),
        types=(),
    )
    facts = {"b": InstanceFacts(vcpu=64)}
    market = Market(vcpu={"m6a.12xlarge": 48})
    assert [each.vcpu for each in view_pool(chosen, [found], facts, market).held] == [32, 64, 48]
