"""Savings and shares of the dashboard equal those that are computed machine by machine."""

from __future__ import annotations

import pytest
from tests.unit.fleet.dashboard.fleets import START, STOP, columns_of, random_instances

from eddyline.fleet.dashboard.cube import cube_of
from eddyline.fleet.dashboard.grouping import Grouping
from eddyline.fleet.dashboard.machines import fill_vcpu
from eddyline.fleet.dashboard.price_curves import NO_PRICES, price_book
from eddyline.fleet.dashboard.usage import savings_of, usage_of
from eddyline.fleet.dashboard.window import window_of
from eddyline.fleet.record.savings import savings
from eddyline.fleet.record.spot_prices import SpotPrices

ON_DEMAND = {"c7i.large": 0.1, "c7a.xlarge": 0.25}
CHANGES = {
    # A price that starts within the window, changes, and one that is known throughout.
    ("c7i.large", "us-east-1a"): [(START + 5 * 86_400, 0.04), (START + 9 * 86_400 + 77, 0.06)],
    ("c7i.large", "us-east-1b"): [(START - 20 * 86_400, 0.03), (START + 1000, 0.05), (START + 2000, 0.02)],
    ("c7a.xlarge", "us-east-1a"): [(START - 20 * 86_400, 0.09)],
}
PRICES = [
    *((kind, "", START, price) for kind, price in ON_DEMAND.items()),
    *((kind, zone, at, price) for (kind, zone), found in CHANGES.items() for at, price in found),
]


@pytest.mark.parametrize("seed", range(3))
def test_savings_equal_those_of_the_machines(seed: int) -> None:
    instances = random_instances(seed)
    expected = savings(
        instances,
        START,
        STOP,
        on_demand_prices=ON_DEMAND,
        spot_prices=SpotPrices(CHANGES),
        vcpu_of_types={"": 8},
    )
    machines = fill_vcpu(columns_of(instances), {"": 8})
    cube = cube_of(machines, window_of(START, STOP, now=STOP), price_book(PRICES))
    by_pool = {each.key: each for each in savings_of(cube, Grouping.POOL)}
    for each in (*expected.pools, expected.total):
        found = by_pool[each.pool] if each.pool else savings_of(cube, Grouping.ALL)[0]
        assert found.cost_usd == pytest.approx(each.spot.cost + each.on_demand.cost)
        assert found.on_demand_cost_usd == pytest.approx(
            each.spot.on_demand_cost + each.on_demand.on_demand_cost
        )
        assert found.free_usd == pytest.approx(each.free)
        assert found.saved_share == pytest.approx(each.saved)
        assert found.saved_share_as_billed == pytest.approx(each.saved_as_billed)
        assert found.priced_hours == pytest.approx(each.spot.priced_hours + each.on_demand.priced_hours)
        assert sum(found.steps.saved_usd) == pytest.approx(found.saved_usd)
    use = usage_of(cube, Grouping.ALL)[0]
    assert use.spot_share == pytest.approx(expected.total.spot_share)
    assert use.spot_vcpu_hours == pytest.approx(expected.total.spot.vcpu_hours)
    assert use.on_demand_vcpu_hours == pytest.approx(expected.total.on_demand.vcpu_hours)


@pytest.mark.parametrize("by", list(Grouping))
def test_sums_over_groups_equal_those_over_machines(by: Grouping) -> None:
    instances = random_instances(4)
    machines = columns_of(instances)
    cube = cube_of(machines, window_of(START, STOP, now=STOP), price_book(PRICES))
    hours = sum(each.seconds(START, STOP) for each in instances) / 3600
    use, saved = usage_of(cube, by), savings_of(cube, by)
    assert sum(each.instance_hours for each in use) == pytest.approx(hours)
    assert sum(each.instance_hours for each in saved) == pytest.approx(hours)
    total = savings_of(cube, Grouping.ALL)[0]
    assert sum(each.saved_usd for each in saved) == pytest.approx(total.saved_usd)
    assert 0 < (total.priced_share_of_hours or 0) < 1


def test_without_prices_nothing_is_estimated() -> None:
    cube = cube_of(columns_of(random_instances(4)), window_of(START, STOP, now=STOP), NO_PRICES)
    total = savings_of(cube, Grouping.ALL)[0]
    assert (total.cost_usd, total.saved_share, total.priced_share_of_hours) == (0, None, 0)


def test_running_machines_are_a_mean_over_each_step() -> None:
    instances = random_instances(6)
    window = window_of(START, STOP, now=STOP)
    total = usage_of(cube_of(columns_of(instances), window, NO_PRICES), Grouping.ALL)[0]
    start, stop = window.edges[3], window.edges[4]
    expected = sum(each.seconds(start, stop) for each in instances) / (stop - start)
    assert total.steps.instances[3] == pytest.approx(expected)
