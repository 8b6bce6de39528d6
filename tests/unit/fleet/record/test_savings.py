"""What Spot saved."""

from __future__ import annotations

from typing import Any

import pytest

from eddyline.fleet.record.savings import MissingPrice, Savings, savings
from eddyline.fleet.record.spot_prices import SpotPrices
from eddyline.graph.instance import Instance

_HOUR = 3600.0
_START, _STOP = 100 * _HOUR, 110 * _HOUR
_ON_DEMAND = {"c7i.8xlarge": 1.0, "r5b.4xlarge": 2.0}
_SPOT = SpotPrices(
    {("c7i.8xlarge", "a"): [(0.0, 0.25)], ("r5b.4xlarge", "a"): [(0.0, 0.5), (105 * _HOUR, 1.0)]}
)


def _instance(number: int, launched: float, terminated: float | None = None, **more: Any) -> Instance:
    values = {
        "pool": "cpu",
        "instance_type": "c7i.8xlarge",
        "zone": "a",
        "lifecycle": "spot",
        "vcpu": 32,
        **more,
    }
    return Instance(
        instance=f"i-{number:08x}",
        launched=launched * _HOUR,
        terminated=None if terminated is None else terminated * _HOUR,
        **values,
    )


def _savings(*instances: Instance, vcpu_of_types: dict[str, int] | None = None) -> Savings:
    return savings(
        instances,
        _START,
        _STOP,
        on_demand_prices=_ON_DEMAND,
        spot_prices=_SPOT,
        vcpu_of_types=vcpu_of_types or {},
    )


def test_spot_hours_are_compared_with_the_same_hours_on_demand() -> None:
    found = _savings(_instance(1, 90), _instance(2, 100, 105)).total
    assert (found.spot.instances, found.spot.hours, found.spot.vcpu_hours) == (2, 15.0, 480.0)
    assert found.spot.cost == pytest.approx(15 * 0.25)
    assert found.spot.on_demand_cost == pytest.approx(15.0)
    assert found.saved == pytest.approx(0.75)
    assert found.spot_share == 1.0


def test_on_demand_hours_lower_the_saving_and_the_share() -> None:
    found = _savings(_instance(1, 100, 106), _instance(2, 100, 102, lifecycle="on-demand")).total
    assert found.spot_share == pytest.approx(0.75)
    assert found.saved == pytest.approx(1 - (6 * 0.25 + 2) / 8)


def test_the_price_is_averaged_over_the_life_of_the_instance() -> None:
    found = _savings(_instance(1, 100, instance_type="r5b.4xlarge")).total
    assert found.spot.cost == pytest.approx(5 * 0.5 + 5 * 1.0)


def test_a_first_hour_that_aws_does_not_bill_is_shown_beside() -> None:
    free = _instance(1, 101, 101.5, ended_by="interruption")
    billed = [
        _instance(2, 101, 101.5, ended_by="scale-in"),
        _instance(3, 101, 102.5, ended_by="interruption"),
    ]
    found = _savings(free, *billed).total
    assert found.free == pytest.approx(0.5 * 0.25)
    assert found.saved == pytest.approx(0.75)
    assert found.saved_as_billed == pytest.approx(1 - (2.5 - 0.5) * 0.25 / 2.5)


def test_missing_prices_are_listed_and_their_hours_are_not_compared() -> None:
    found = _savings(
        _instance(1, 100),
        _instance(2, 100, 103, zone="b"),
        _instance(3, 100, 104, instance_type="m9.large"),
        _instance(4, 100, 101, instance_type="m9.large", lifecycle="on-demand"),
    )
    assert found.missing_spot == [MissingPrice(instance_type="c7i.8xlarge", zone="b", hours=3.0)]
    assert found.missing_on_demand == [MissingPrice(instance_type="m9.large", zone="", hours=5.0)]
    assert found.total.spot.hours == 17.0
    assert found.total.spot.priced_hours == 10.0
    assert found.total.saved == pytest.approx(0.75)


def test_without_prices_only_the_share_is_known() -> None:
    found = savings(
        [_instance(1, 100)], _START, _STOP, on_demand_prices={}, spot_prices=SpotPrices({}), vcpu_of_types={}
    ).total
    assert (found.saved, found.saved_as_billed, found.spot_share) == (None, None, 1.0)


def test_without_instances_nothing_is_known() -> None:
    found = _savings(_instance(1, 120), _instance(2, 80, 90))
    assert (found.total.saved, found.total.spot_share, found.pools) == (None, None, [])


def test_unknown_vcpu_are_taken_from_the_type_or_counted() -> None:
    same = _savings(_instance(1, 100, 101), _instance(2, 100, 101, vcpu=None)).total
    assert same.spot.vcpu_hours == 64.0
    listed = _savings(_instance(1, 100, 101, vcpu=None), vcpu_of_types={"c7i.8xlarge": 16}).total
    assert listed.spot.vcpu_hours == 16.0
    unknown = _savings(_instance(1, 100, 101, vcpu=None)).total
    assert (unknown.spot.vcpu_hours, unknown.vcpu_unknown_hours) == (0.0, 1.0)


def test_an_instance_of_unknown_lifecycle_is_left_out_and_counted() -> None:
    found = _savings(_instance(1, 100), _instance(2, 100, lifecycle=""))
    assert (found.incomplete, found.total.spot.instances, found.total.on_demand.instances) == (1, 1, 0)


def test_savings_are_listed_by_pool() -> None:
    found = _savings(_instance(1, 100), _instance(2, 100, pool="memory", instance_type="r5b.4xlarge"))
    assert [each.pool for each in found.pools] == ["cpu", "memory"]
    assert sum(each.spot.cost for each in found.pools) == pytest.approx(found.total.spot.cost)
