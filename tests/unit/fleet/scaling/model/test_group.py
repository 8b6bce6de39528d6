"""An Auto Scaling group of weighted instances."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.scaling.model.group import GroupModel
from eddyline.fleet.scaling.policies import WARMUP_S, Group


def group(weights: tuple[int, ...] = (32,), **settings: Any) -> GroupModel:
    rng = random.Random(1)
    options: dict[str, Any] = {
        "group": Group(purchase="spot", min_size=0, max_size=1000),
        "launch": lambda _vcpu: True,
        "boot_s": 200.0,
        "drain_s": 40.0,
        "hook_s": 900.0,
    }
    return GroupModel(weigh=lambda: rng.choice(weights), **(options | settings))


def test_instances_are_launched_until_the_desired_capacity_is_reached() -> None:
    found = group(weights=(32, 64))
    found.scale_to(100, 0.0)
    found.reconcile(0.0)
    assert 100 <= found.provided_vcpu() < 164
    assert not any(each.serves(199.0) for each in found.instances)
    assert all(each.serves(200.0) for each in found.instances)


def test_an_overage_is_kept_until_less_is_desired() -> None:
    found = group(weights=(64,))
    found.scale_to(70, 0.0)
    found.reconcile(0.0)
    found.reconcile(60.0)
    assert found.provided_vcpu() == 128


def test_warming_instances_do_not_count_for_a_scale_out_and_block_a_scale_in() -> None:
    found = group()
    found.scale_to(64, 0.0)
    found.reconcile(0.0)
    assert found.warm_vcpu(60.0 + WARMUP_S - 1) == 0
    found.scale_to(0, 100.0)
    assert found.desired == 64
    assert found.warm_vcpu(60.0 + WARMUP_S) == 64
    found.scale_to(0, 60.0 + WARMUP_S)
    assert found.desired == 0


def test_a_terminating_instance_counts_for_a_scale_in_until_it_is_drained() -> None:
    found = group()
    found.scale_to(64, 0.0)
    found.reconcile(0.0)
    found.scale_to(32, 1000.0)
    found.reconcile(1000.0)
    assert (found.provided_vcpu(), found.total_vcpu()) == (32, 64)
    found.reconcile(1041.0)
    assert found.total_vcpu() == 32
    assert (found.scale_ins, found.cut_short) == (1, 0)


def test_a_hook_that_is_shorter_than_a_job_cuts_the_job_short() -> None:
    found = group(drain_s=1000.0)
    found.scale_to(32, 0.0)
    found.reconcile(0.0)
    found.scale_to(0, 1000.0)
    found.reconcile(1000.0)
    assert found.cut_short == 1


def test_an_interrupted_instance_is_replaced_once() -> None:
    found = group()
    found.scale_to(64, 0.0)
    found.reconcile(0.0)
    victim = found.instances[0]
    for _ in range(3):
        found.interrupt(victim, 1000.0)
    found.reconcile(1000.0)
    assert found.launches == 2
    for now in (1120.0, 1180.0):
        found.reconcile(now)
    assert (found.launches, found.interruptions, found.total_vcpu()) == (3, 1, 64)


def test_a_failed_launch_is_tried_once_a_minute() -> None:
    found = group(launch=lambda _vcpu: False)
    found.scale_to(320, 0.0)
    for minute in range(5):
        found.reconcile(60.0 * minute)
    assert (found.launch_failures, found.launches, found.desired) == (5, 0, 320)


@given(st.lists(st.tuples(st.integers(-10, 3000), st.integers(1, 600)), max_size=40), st.integers(0, 500))
def test_capacity_stays_within_the_bounds_plus_one_instance(steps: list[tuple[int, int]], least: int) -> None:
    found = group(weights=(16, 32, 64), group=Group(purchase="spot", min_size=least, max_size=least + 700))
    now = 0.0
    for capacity, seconds in steps:
        found.scale_to(capacity, now)
        found.reconcile(now)
        assert least <= found.desired <= least + 700
        assert found.desired <= found.provided_vcpu() < found.desired + 64 or found.is_scaling_out(now)
        assert found.provided_vcpu() < least + 700 + 64
        now += seconds
