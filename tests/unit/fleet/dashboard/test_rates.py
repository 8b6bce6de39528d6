"""The rates of the dashboard equal those of `eddyline fleet interruptions`, computed machine by machine."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tests.unit.fleet.dashboard.fleets import START, STOP, columns_of, random_instances

from eddyline.fleet.dashboard.cube import cube_of
from eddyline.fleet.dashboard.grouping import UNKNOWN, Grouping
from eddyline.fleet.dashboard.price_curves import NO_PRICES
from eddyline.fleet.dashboard.rates import rates_of, total_rate
from eddyline.fleet.dashboard.window import Window, window_of
from eddyline.fleet.record.rates import interruption_rates


@pytest.mark.parametrize("by", [Grouping.POOL, Grouping.TYPE, Grouping.ZONE])
@pytest.mark.parametrize("seed", range(3))
def test_each_group_has_the_rate_of_its_machines(by: Grouping, seed: int) -> None:
    instances = random_instances(seed)
    expected = interruption_rates(instances, START, STOP, by=by.value)
    cube = cube_of(columns_of(instances), window_of(START, STOP, now=STOP), NO_PRICES)
    found = {each.key: each for each in rates_of(cube, by)}
    assert set(found) == {each.key or UNKNOWN for each in expected.groups}
    for each in expected.groups:
        group = found[each.key or UNKNOWN]
        assert group.instance_hours == pytest.approx(each.hours)
        assert group.interruptions == each.interruptions
        assert group.launches == each.launches
        assert group.launches_interrupted == each.launches_interrupted
        assert group.rate_per_instance_hour == pytest.approx(each.per_hour)
        assert group.rate_low == pytest.approx(each.low)
        assert group.rate_high == pytest.approx(each.high)


@pytest.mark.parametrize("by", list(Grouping))
def test_sums_over_groups_and_steps_equal_the_total(by: Grouping) -> None:
    cube = cube_of(columns_of(random_instances(5)), window_of(START, STOP, now=STOP), NO_PRICES)
    total, groups = total_rate(cube), rates_of(cube, by)
    assert sum(each.instance_hours for each in groups) == pytest.approx(total.instance_hours)
    for name in ("interruptions", "launches", "launches_interrupted", "scale_ins", "other_ends"):
        assert sum(getattr(each, name) for each in groups) == getattr(total, name)
    for group in groups:
        assert sum(group.steps.interruptions) == group.interruptions
        assert sum(group.steps.launches) == group.launches
        assert sum(group.steps.instance_hours) == pytest.approx(group.instance_hours)


def test_each_step_equals_a_window_of_its_length() -> None:
    instances = random_instances(8)
    machines, window = columns_of(instances), window_of(START, STOP, now=STOP)
    steps = total_rate(cube_of(machines, window, NO_PRICES)).steps
    edges = window.edges.tolist()
    for number, (start, stop) in enumerate(pairwise(edges)):
        expected = interruption_rates(instances, start, stop, by="pool").total
        assert steps.instance_hours[number] == pytest.approx(expected.hours, abs=1e-6)
        assert steps.interruptions[number] == expected.interruptions
        assert steps.launches[number] == expected.launches


def test_voluntary_ends_are_not_interruptions() -> None:
    instances = [each for each in random_instances(2) if each.ended_by in {"scale-in", "other"}]
    cube = cube_of(columns_of(instances), window_of(START, STOP, now=STOP), NO_PRICES)
    total = total_rate(cube)
    assert total.interruptions == 0
    assert total.scale_ins > 0
    assert total.other_ends > 0
    assert total.rate_low == 0
    assert total.rate_high is not None
    assert total.rate_high > 0


def test_no_machines_have_no_rate() -> None:
    window = Window(start=START, stop=STOP, step_s=86_400)
    total = total_rate(cube_of(columns_of([]), window, NO_PRICES))
    assert (total.interruptions, total.rate_per_instance_hour) == (0, None)
    assert rates_of(cube_of(columns_of([]), window, NO_PRICES), Grouping.TYPE) == []
