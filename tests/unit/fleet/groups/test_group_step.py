"""From a decision to the desired capacity of a group and the instances to end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.fleet.groups.groups_of_a_pool import busy, group, member, pool

from eddyline.fleet.groups.group import Group, InstanceFacts
from eddyline.fleet.groups.group_step import GroupStep, launch_counts, plan_group
from eddyline.fleet.groups.pool_view import Market, view_pool
from eddyline.fleet.scaler.rules import PoolReading
from eddyline.fleet.scaler.scaler import ScalerDecision

NOW = 1_800_000_000.0
BOTH = [0, 1]


def step(
    found: Group,
    facts: dict[str, InstanceFacts] | None = None,
    *,
    least: int = 0,
    most: int = 640,
    **decision: Any,
) -> GroupStep:
    view = view_pool(pool(), [found], facts or {}, Market())
    chosen = {"wanted": 0.0, "spot_order": BOTH, "on_demand_order": BOTH, **decision}
    return plan_group(found, view, ScalerDecision(**chosen), least=least, most=most, now=NOW)


def test_a_launch_raises_the_desired_capacity_by_whole_machines() -> None:
    assert step(group(member("a")), launch_spot=20.0).desired == 16 + 48
    assert step(group(member("a")), launch_spot=3.9).desired is None
    assert step(group(), launch_spot=0.1).desired == 16  # a fleet without any gets one


def test_a_step_can_be_repeated_before_its_instances_are_listed() -> None:
    first = step(group(), launch_spot=20.0)
    again = step(group(desired=first.desired), launch_spot=20.0)
    assert (first.desired, again.desired) == (48, None)


def test_an_order_that_was_not_fulfilled_is_withdrawn() -> None:
    assert step(group(member("a"), desired=160)).desired == 16
    assert step(group(desired=160)).desired == 0


def test_instances_that_are_terminated_already_do_not_count() -> None:
    found = group(member("a"), member("b", state="Terminating:Wait"), member("c", state="Pending:Wait"))
    assert step(found, launch_spot=8.0).desired == 32 + 16


def test_idle_instances_are_ended_first_and_within_the_least_capacity() -> None:
    found = group(*(member(name) for name in "abcd"))
    facts = {"a": busy(8), "b": busy(0), "c": busy(3), "d": InstanceFacts()}
    assert step(found, facts, drain_spot=16.0).victims == ("d", "b")
    assert step(found, facts, drain_spot=24.0).victims == ("d", "b", "c")
    assert step(found, facts, drain_spot=24.0, least=48).victims == ("d",)
    assert step(found, facts, drain_spot=7.9).victims == ()
    assert step(found, facts, drain_spot=16.0).desired is None  # each end decreases it


def test_a_warned_instance_is_replaced_at_once_and_not_again_when_it_ends() -> None:
    warned = {"a": replace(busy(4), ends=True, warned_at=NOW - 10.0), "b": busy(8)}
    found = group(member("a"), member("b"))
    assert step(found, warned, launch_spot=8.0).desired == 48  # the group counts the old one until it ends
    late = {**warned, "a": replace(warned["a"], warned_at=NOW - 100.0)}
    assert step(group(member("a"), member("b"), desired=48), late, launch_spot=8.0).desired == 32
    assert step(found, warned, drain_spot=16.0).victims == ("b",)


def test_the_base_of_on_demand_is_not_drained() -> None:
    chosen = pool(on_demand={"min_vcpu": 32, "max_vcpu": 160})
    found = group(member("a"), member("b"), member("c"), spot=False, least=32)
    facts = {name: busy(0) for name in "abc"}
    view = view_pool(chosen, [found], facts, Market())
    assert view.base_vcpu == 32
    assert [reading.ready for reading in view.readings if reading.ready] == [1]
    decision = ScalerDecision(wanted=0.0, drain_on_demand=24.0)
    planned = plan_group(found, view, decision, least=32, most=160, now=NOW)
    assert planned.victims == ("c",)


def test_a_pool_of_attributes_is_launched_in_units_of_its_smallest_machine() -> None:
    chosen = pool(
        types={},
        requirements={"memory_mib": {"min": 32_768, "max": 65_536}, "vcpu": {"min": 32, "max": 64}},
    )
    found = group(types=(), policy={})
    view = view_pool(chosen, [found], {}, Market())
    decision = ScalerDecision(wanted=40.0, launch_spot=40.0, spot_order=[0])
    assert plan_group(found, view, decision, least=0, most=640, now=NOW).desired == 96


def test_launches_are_rounded_to_the_nearest_machine_pool_by_pool() -> None:
    pools = [PoolReading(usd_h=1.0, power=8.0, spot=True), PoolReading(usd_h=1.0, power=2.0, spot=True)]
    assert launch_counts(pools, [0, 1], 19.0, at_least_one=False) == [(0, 2), (1, 2)]
    assert launch_counts(pools, [0, 1], 1.0, at_least_one=True) == [(0, 1)]
    assert launch_counts(pools, [], 5.0, at_least_one=True) == []


@given(
    desired=st.integers(0, 640),
    instances=st.integers(0, 12),
    jobs=st.integers(0, 8),
    least=st.integers(0, 320),
    room=st.integers(0, 320),
    launch=st.floats(0, 1000),
    drain=st.floats(0, 1000),
)
def test_the_bounds_hold_for_any_decision(
    desired: int, instances: int, jobs: int, least: int, room: int, launch: float, drain: float
) -> None:
    found = group(*(member(f"i-{number}") for number in range(instances)), desired=desired)
    facts = {f"i-{number}": busy(jobs) for number in range(0, instances, 2)}
    planned = step(
        found, facts, least=least, most=least + room, launch_spot=launch, drain_spot=0.0 if launch else drain
    )
    after = found.desired if planned.desired is None else planned.desired
    assert least <= after <= least + room
    if planned.victims:
        assert after - planned.victims_vcpu >= least
        assert instances * 16 - planned.victims_vcpu >= least
