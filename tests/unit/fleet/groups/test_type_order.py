"""The order of the types of a Spot group."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.fleet.groups.groups_of_a_pool import ZONE, group, pool

from eddyline.fleet.groups.group import Group
from eddyline.fleet.groups.pool_view import Market, view_pool
from eddyline.fleet.groups.type_order import PRIORITIZED, ranked_types
from eddyline.fleet.scaler.rules import ScalerRules

RULES = ScalerRules()
PRIORITIES = {"InstancesDistribution": {"SpotAllocationStrategy": PRIORITIZED}}


def ranked(found: Group, c6a: float, c7a: float, *, interrupted: int = 0) -> tuple[str, ...] | None:
    market = Market(
        usd_h={("c6a.4xlarge", ZONE): c6a, ("c7a.4xlarge", ZONE): c7a},
        history={("c6a.4xlarge", ZONE): (interrupted, 100.0)},
    )
    return ranked_types(found, view_pool(pool(), [found], {}, market), 100.0, RULES)


def test_the_cheapest_work_comes_first() -> None:
    assert ranked(group(), 0.3, 0.2) == ("c7a.4xlarge", "c6a.4xlarge")
    assert ranked(group(), 0.2, 0.205, interrupted=800) == ("c7a.4xlarge", "c6a.4xlarge")


def test_nothing_changes_while_prices_are_about_equal() -> None:
    found = group(policy=PRIORITIES)
    assert ranked(found, 0.2, 0.195) is None
    assert ranked(found, 0.2, 0.185) == ("c7a.4xlarge", "c6a.4xlarge")
    swapped = replace(found, types=("c7a.4xlarge", "c6a.4xlarge"))
    assert ranked(swapped, 0.195, 0.2) is None


def test_the_strategy_is_set_once_even_for_the_same_order() -> None:
    assert ranked(group(), 0.2, 0.3) == ("c6a.4xlarge", "c7a.4xlarge")


def test_other_groups_keep_the_order_of_aws() -> None:
    other = {"InstancesDistribution": {"SpotAllocationStrategy": "price-capacity-optimized"}}
    assert ranked(group(policy=other), 0.3, 0.2) is None
    assert ranked(group(spot=False), 0.3, 0.2) is None
    assert ranked(group(types=()), 0.3, 0.2) is None
