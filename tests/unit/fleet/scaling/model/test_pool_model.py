"""Days and weeks of a pool, by the policies that Terraform plans and the demand that coordinators compute."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.model.pool_model import Minute, PoolModel, World

BOUNDS = Bounds(spot_max=3200, on_demand_max=640, machine_vcpu=32, on_demand_after_s=600)
DAY = 1440
LARGEST = 64


def model(world: World, bounds: Bounds = BOUNDS, seed: int = 1) -> PoolModel:
    return PoolModel(bounds, world, random.Random(seed))


def constant(vcpu: float, **settings: Any) -> World:
    return World(arrivals=lambda _minute: 60 * vcpu, **settings)


def season(minute: int) -> float:
    """Nights at 40 vCPU, days up to 940, weekends up to 400, and an hour of 800 more on the third day."""
    day, hour = minute // DAY, minute / 60 % 24
    sun = max(math.sin((hour - 6) / 14 * math.pi), 0.0) if 6 <= hour <= 20 else 0.0
    burst = 800.0 if day == 2 and 12 <= hour < 13 else 0.0
    return 60 * (40 + (900 if day < 5 else 360) * sun + burst)


def direction_changes(values: Sequence[int]) -> int:
    steps = [after > before for before, after in pairwise(values) if after != before]
    return sum(before != after for before, after in pairwise(steps))


@pytest.fixture(scope="module")
def week() -> tuple[PoolModel, list[Minute], float]:
    begun = time.process_time()
    pool = model(World(arrivals=season))
    return pool, pool.run(7 * DAY), time.process_time() - begun


def test_a_week_is_replayed_in_seconds(week: tuple[PoolModel, list[Minute], float]) -> None:
    assert week[2] < 10.0


def test_capacity_rises_with_the_peaks_and_falls_in_the_valleys(
    week: tuple[PoolModel, list[Minute], float],
) -> None:
    minutes = week[1]
    for day in range(7):
        noon, midnight = minutes[day * DAY + 11 * 60], minutes[day * DAY + 23 * 60]
        assert 0.9 * noon.load_vcpu <= noon.serving <= 1.3 * noon.load_vcpu + LARGEST
        assert midnight.serving <= 1.3 * midnight.load_vcpu + LARGEST
    used = sum(each.load_vcpu for each in minutes) / sum(each.provided for each in minutes)
    assert used > 0.8


def test_a_week_stays_within_the_bounds_and_needs_no_on_demand(
    week: tuple[PoolModel, list[Minute], float],
) -> None:
    pool, minutes, _ = week
    assert max(each.desired for each in minutes) <= BOUNDS.spot_max
    assert max(each.provided for each in minutes) < BOUNDS.spot_max + LARGEST
    assert pool.on_demand.launches == 0
    assert max(each.oldest_s for each in minutes) <= 600
    assert not any(each.alarms for each in minutes)


def test_scale_in_through_the_hook_never_costs_a_job_its_work(
    week: tuple[PoolModel, list[Minute], float],
) -> None:
    pool, minutes, _ = week
    assert pool.spot.scale_ins > 50
    assert pool.spot.cut_short == 0
    assert sum(each.interrupted_vcpu_s for each in minutes) == 0


def test_a_hook_that_is_shorter_than_the_jobs_would_cost_work() -> None:
    pool = model(World(arrivals=season, job_s=300.0, hook_s=60.0))
    minutes = pool.run(DAY)
    assert pool.spot.cut_short > 0
    assert sum(each.interrupted_vcpu_s for each in minutes) > 0


@pytest.mark.parametrize("vcpu", [3, 20, 100, 700, 2500])
def test_constant_load_changes_the_direction_of_capacity_at_most_once_a_day(vcpu: float) -> None:
    minutes = model(constant(vcpu)).run(DAY)
    assert direction_changes([each.desired for each in minutes]) <= 1
    assert minutes[-1].serving >= vcpu


@pytest.mark.parametrize("seed", range(3))
def test_random_arrivals_at_a_constant_rate_do_not_either(seed: int) -> None:
    rng = random.Random(seed)
    world = World(arrivals=lambda _minute: 80 * max(rng.gauss(525, math.sqrt(525)), 0.0))
    minutes = model(world, seed=seed).run(DAY)
    assert direction_changes([each.desired for each in minutes]) <= 1


def test_the_group_starts_from_zero_within_one_minute() -> None:
    pool = model(World(arrivals=lambda minute: 6000.0 if minute >= 30 else 0.0))
    minutes = pool.run(60)
    assert all(each.desired == 0 for each in minutes[:30])
    assert minutes[30].desired >= 32
    assert minutes[34].serving >= 32


def test_the_group_scales_in_to_zero_without_work() -> None:
    minutes = model(World(arrivals=lambda minute: 6000.0 if minute < 60 else 0.0)).run(180)
    assert minutes[-1].desired == minutes[-1].provided == 0


OUTAGE = range(300, 480)


@pytest.fixture(scope="module")
def outage() -> tuple[PoolModel, list[Minute]]:
    pool = model(constant(300, spot_vcpu=lambda minute: 64 if minute in OUTAGE else 10**6))
    return pool, pool.run(DAY)


def test_on_demand_replaces_missing_spot_after_the_bound(outage: tuple[PoolModel, list[Minute]]) -> None:
    minutes = outage[1]
    first = next(each.minute for each in minutes if each.on_demand_desired > 0)
    assert 300 + 8 <= first <= 300 + 12
    assert all(each.oldest_s < 1200 for each in minutes)
    calm = minutes[360:480]
    assert all(each.oldest_s <= 60 for each in calm)
    assert any("spot-shortfall" in each.alarms for each in minutes)


def test_on_demand_is_given_back_before_spot_is_scaled_in(outage: tuple[PoolModel, list[Minute]]) -> None:
    pool, minutes = outage
    back = next(each.minute for each in minutes[480:] if each.on_demand_desired == 0)
    scaled_in = next(each.minute for each in minutes[480:] if each.desired < minutes[479].desired)
    assert back < scaled_in
    assert back <= 480 + 15
    assert minutes[-1].on_demand_provided == 0
    assert pool.spot.cut_short == pool.on_demand.cut_short == 0


def test_on_demand_is_not_doubled_while_its_instances_boot(
    outage: tuple[PoolModel, list[Minute]],
) -> None:
    minutes = outage[1]
    wanted = max(each.wanted or 0 for each in minutes)
    assert max(each.serving + each.on_demand_provided for each in minutes[:480]) <= wanted + LARGEST
    held = {each.on_demand_desired for each in minutes[345:478]}
    assert len(held) == 1


def test_spot_that_is_interrupted_soon_after_each_launch_does_not_starve_the_pool() -> None:
    world = constant(300, spot_vcpu=lambda minute: 64 if minute in OUTAGE and minute % 12 >= 3 else 10**6)
    minutes = model(world).run(DAY)
    assert max(each.oldest_s for each in minutes) < 1500
    assert all(each.on_demand_provided > 200 for each in minutes[330:480])
    assert minutes[-1].on_demand_provided == 0


def test_an_interruption_of_every_instance_is_made_good_without_on_demand() -> None:
    pool = model(constant(300, spot_vcpu=lambda minute: 0 if minute == 400 else 10**6))
    minutes = pool.run(DAY)
    assert pool.spot.interruptions > 4
    assert pool.on_demand.launches == 0
    assert minutes[440].oldest_s <= 60
    assert sum(each.interrupted_vcpu_s for each in minutes) > 0


def test_the_base_of_on_demand_is_kept() -> None:
    bounds = replace(BOUNDS, on_demand_min=128)
    minutes = model(World(arrivals=season), bounds).run(2 * DAY)
    assert all(each.on_demand_desired == 128 for each in minutes)
    assert all(each.on_demand_provided >= 128 for each in minutes)
    noon = minutes[DAY + 13 * 60]
    assert noon.serving + noon.on_demand_serving <= 1.3 * noon.load_vcpu + 2 * LARGEST


def test_rebalance_recommendations_launch_and_end_nothing() -> None:
    calm, warned = (
        model(constant(300, rebalance=lambda minute, every=every: bool(every) and minute % 10 == 0))
        for every in (False, True)
    )
    before, after = calm.run(DAY), warned.run(DAY)
    assert [each.provided for each in before] == [each.provided for each in after]
    assert calm.spot.launches == warned.spot.launches


def test_capacity_rebalancing_of_aws_would_replace_the_fleet_again_and_again() -> None:
    pool = model(constant(300, rebalance=lambda minute: minute % 10 == 0))
    pool.spot.group = replace(pool.spot.group, capacity_rebalance=True)
    pool.run(DAY)
    assert pool.spot.launches > 300


def test_lost_metrics_leave_capacity_as_it_is_and_notify() -> None:
    lost = range(13 * 60, 16 * 60)
    pool = model(World(arrivals=season, metrics_lost=lambda minute: minute in lost))
    minutes = pool.run(DAY)
    # An alarm may evaluate the last values once or twice more.
    held = minutes[lost.start + 3 : lost.stop]
    assert len({(each.desired, each.on_demand_desired) for each in held}) == 1
    assert held[0].desired >= 0.9 * minutes[lost.start - 1].desired
    assert all("metrics-missing" in each.alarms for each in minutes[lost.start + 8 : lost.stop])
    assert not any("metrics-missing" in each.alarms for each in minutes[10 : lost.start])
    assert minutes[17 * 60].serving >= minutes[17 * 60].load_vcpu


def test_lost_metrics_during_an_outage_of_spot_add_no_more_on_demand() -> None:
    lost = range(330, 400)
    world = constant(
        300,
        spot_vcpu=lambda minute: 64 if minute in OUTAGE else 10**6,
        metrics_lost=lambda minute: minute in lost,
    )
    minutes = model(world).run(480)
    assert len({each.on_demand_desired for each in minutes[lost.start + 3 : lost.stop]}) == 1


def test_instances_whose_workers_never_start_do_not_make_capacity_explode() -> None:
    world = constant(
        300, workers_fail=lambda minute: minute >= 200, spot_vcpu=lambda m: 0 if m == 200 else 10**6
    )
    pool = model(world)
    minutes = pool.run(260)
    assert max(each.desired for each in minutes[200:]) <= 2 * max(each.wanted or 0 for each in minutes)
    assert minutes[-1].serving == 0


worlds = st.builds(
    lambda loads, spots, lost: World(
        arrivals=lambda minute: 60 * loads[minute // 60 % len(loads)],
        spot_vcpu=lambda minute: spots[minute // 45 % len(spots)],
        metrics_lost=lambda minute: minute % 100 in lost,
    ),
    st.lists(st.floats(0, 5000), min_size=1, max_size=8),
    st.lists(st.integers(0, 5000), min_size=1, max_size=8),
    st.sets(st.integers(0, 99), max_size=20),
)


@settings(max_examples=25)
@given(worlds, st.integers(0, 200), st.integers(0, 200))
def test_capacity_is_always_within_its_bounds(world: World, spot_min: int, base: int) -> None:
    bounds = Bounds(spot_min=spot_min, spot_max=1500, on_demand_min=base, on_demand_max=400, machine_vcpu=32)
    for minute in model(world, bounds).run(400):
        assert spot_min <= minute.desired <= 1500
        assert base <= minute.on_demand_desired <= 400
        assert minute.provided < 1500 + LARGEST
        assert minute.on_demand_provided < 400 + LARGEST
        assert minute.backlog_vcpu_s >= 0
