"""Interruption rates of instances."""

from __future__ import annotations

import pytest

from eddyline.fleet.record.poisson import count_interval
from eddyline.fleet.record.rates import GROUPINGS, interruption_rates
from eddyline.graph.instance import Instance

_HOUR = 3600.0
_START, _STOP = 100 * _HOUR, 110 * _HOUR


def _instance(
    number: int, launched: float | None, terminated: float | None = None, **more: object
) -> Instance:
    values = {
        "pool": "cpu",
        "instance_type": "c7i.8xlarge",
        "zone": "us-east-1a",
        "lifecycle": "spot",
        **more,
    }
    return Instance(
        instance=f"i-{number:08x}",
        launched=None if launched is None else launched * _HOUR,
        terminated=None if terminated is None else terminated * _HOUR,
        **values,  # type: ignore[arg-type]
    )


def test_the_rate_counts_the_hours_within_the_range() -> None:
    instances = [
        _instance(1, 90, 105, ended_by="interruption"),  # 5 h within the range
        _instance(2, 104),  # 6 h so far
        _instance(3, 101, 102, ended_by="scale-in"),  # 1 h
        _instance(4, 80, 99, ended_by="interruption"),  # before the range
        _instance(5, 111),  # after it
    ]
    found = interruption_rates(instances, _START, _STOP, by="pool")
    low, high = count_interval(1)
    assert found.total.hours == pytest.approx(12.0)
    assert found.total.interruptions == 1
    assert found.total.per_hour == pytest.approx(1 / 12)
    assert found.total.low == pytest.approx(low / 12)
    assert found.total.high == pytest.approx(high / 12)


def test_the_share_of_launches_counts_only_launches_within_the_range() -> None:
    instances = [
        _instance(1, 90, 105, ended_by="interruption"),
        _instance(2, 101, 111, ended_by="interruption"),  # launched within the range, interrupted after it
        _instance(3, 101, 103, ended_by="other"),
        _instance(4, 102),
    ]
    total = interruption_rates(instances, _START, _STOP, by="pool").total
    assert (total.launches, total.launches_interrupted) == (3, 1)
    assert total.share_of_launches == pytest.approx(1 / 3)


@pytest.mark.parametrize("ended_by", ["scale-in", "other"])
def test_a_voluntary_end_does_not_count_as_interruption(ended_by: str) -> None:
    instances = [_instance(1, 101, 103, ended_by=ended_by, warned_at=102 * _HOUR)]
    total = interruption_rates(instances, _START, _STOP, by="pool").total
    assert (total.interruptions, total.launches_interrupted, total.hours) == (0, 0, 2.0)


def test_a_warning_without_a_termination_is_counted_apart() -> None:
    instances = [_instance(number, 101, warned_at=102 * _HOUR) for number in range(3)]
    found = interruption_rates(instances, _START, _STOP, by="pool")
    assert (found.total.interruptions, found.unfollowed) == (0, 3)


def test_on_demand_instances_do_not_count() -> None:
    found = interruption_rates([_instance(1, 101, lifecycle="on-demand")], _START, _STOP, by="pool")
    assert found.total.hours == 0
    assert found.total.per_hour is None
    assert found.total.share_of_launches is None
    assert found.groups == []


def test_instances_whose_launch_or_lifecycle_is_unknown_are_left_out_and_counted() -> None:
    instances = [
        _instance(1, None, 105, ended_by="interruption"),
        _instance(2, 101, 102, lifecycle=""),
        _instance(3, None, 99, ended_by="interruption"),  # ended before the range
    ]
    found = interruption_rates(instances, _START, _STOP, by="pool")
    assert (found.incomplete, found.total.interruptions, found.total.hours) == (2, 0, 0)


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("pool", ["cpu", "memory"]),
        ("type", ["c7i.8xlarge", "r5b.4xlarge"]),
        ("zone", ["us-east-1a", "us-east-1b"]),
    ],
)
def test_rates_are_grouped_with_the_most_hours_first(by: str, keys: list[str]) -> None:
    other = {"pool": "memory", "instance_type": "r5b.4xlarge", "zone": "us-east-1b"}
    instances = [
        _instance(1, 101, 102, ended_by="interruption", **other),
        _instance(2, 101, 109, ended_by="other"),
        _instance(3, 101, 102, ended_by="interruption", **other),
    ]
    found = interruption_rates(instances, _START, _STOP, by=by)
    assert [rate.key for rate in found.groups] == keys
    assert [rate.interruptions for rate in found.groups] == [0, 2]
    assert [rate.hours for rate in found.groups] == [8.0, 2.0]
    assert set(GROUPINGS) == {"pool", "type", "zone"}
