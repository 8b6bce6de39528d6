"""Instances from events, in any order and with duplicates."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.record.fold import WARNING_WINDOW_S, fold
from eddyline.graph.fleet_event import FleetEvent, FleetEventKind

_NAME = "i-0123456789abcdef0"
_AT = 1_800_000_000.0


def _event(kind: str, after_s: float = 0.0, **more: Any) -> FleetEvent:
    values = {"id": f"{kind}-{after_s}-{sorted(more.items())}", **more}
    return FleetEvent(instance=_NAME, kind=FleetEventKind(kind), at=_AT + after_s, **values)


_LAUNCH = _event("launched", group="eddyline-cpu-spot", pool="cpu", lifecycle="spot", zone="us-east-1a")
_WARNING = _event("interruption", 3600, account="123456789012", region="us-east-1")
_END = _event("terminated", 3730)
_EVENTS = st.lists(
    st.builds(
        lambda kind, after_s, texts, vcpu, launched, cause, name: FleetEvent(
            id=name,
            instance=_NAME,
            kind=kind,
            at=_AT + after_s,
            vcpu=vcpu,
            launched=None if launched is None else _AT + launched,
            cause=cause,
            **dict(
                zip(("pool", "group", "instance_type", "zone", "lifecycle", "account"), texts, strict=True)
            ),
        ),
        kind=st.sampled_from(FleetEventKind),
        after_s=st.integers(0, 5000),
        texts=st.lists(st.sampled_from(["", "a", "b"]), min_size=6, max_size=6),
        vcpu=st.sampled_from([None, 16, 32]),
        launched=st.sampled_from([None, 0.0, 100.0]),
        cause=st.sampled_from(["", "interruption", "scale-in", "other"]),
        name=st.sampled_from("abcdefgh"),
    ),
    min_size=1,
    max_size=8,
)


@given(_EVENTS, st.integers(0, 2**32))
def test_neither_order_nor_duplicates_change_the_row(events: list[FleetEvent], seed: int) -> None:
    rng = random.Random(seed)
    again = events + rng.choices(events, k=rng.randint(0, 10))
    rng.shuffle(again)
    assert fold(again) == fold(events)


def test_an_interruption_needs_a_warning_and_a_termination() -> None:
    for events in permutations([_LAUNCH, _WARNING, _END, _END]):
        found = fold(events)
        assert found.ended_by == "interruption"
        assert (found.launched, found.warned_at, found.terminated) == (_AT, _AT + 3600, _AT + 3730)
        assert (found.pool, found.zone, found.lifecycle) == ("cpu", "us-east-1a", "spot")
        assert (found.account, found.region) == ("123456789012", "us-east-1")


def test_a_warning_that_no_termination_follows_does_not_count_as_interruption() -> None:
    found = fold([_LAUNCH, _WARNING])
    assert (found.warned_at, found.terminated, found.ended_by) == (_AT + 3600, None, "")


def test_a_termination_long_after_a_warning_is_not_caused_by_it() -> None:
    late = _event("terminated", 3600 + WARNING_WINDOW_S + 1)
    assert fold([_LAUNCH, _WARNING, late]).ended_by == "other"
    assert fold([_LAUNCH, _WARNING, _event("terminated", 3600 + WARNING_WINDOW_S)]).ended_by == "interruption"


def test_a_second_warning_that_is_followed_counts() -> None:
    first = _event("interruption", 10)
    found = fold([_LAUNCH, first, _event("interruption", 9000), _event("terminated", 9130)])
    assert (found.warned_at, found.ended_by) == (_AT + 10, "interruption")


def test_a_rebalance_recommendation_alone_never_counts() -> None:
    found = fold([_LAUNCH, _event("rebalance", 100), _event("rebalance", 50), _event("terminated", 300)])
    assert (found.rebalance_at, found.ended_by) == (_AT + 50, "other")


def test_a_scale_in_that_began_before_the_warning_is_voluntary() -> None:
    assert fold([_LAUNCH, _event("scale-in", 3590), _WARNING, _END]).ended_by == "scale-in"


def test_the_groups_lifecycle_action_for_an_interrupted_instance_does_not_count_as_scale_in() -> None:
    # The group notices the interrupted instance, and runs its lifecycle action.
    assert fold([_LAUNCH, _WARNING, _event("scale-in", 3650), _END]).ended_by == "interruption"
    assert fold([_LAUNCH, _event("terminated", 3600), _event("scale-in", 3650)]).ended_by == "other"


def test_a_scale_in_and_a_termination_are_a_scale_in() -> None:
    found = fold([_LAUNCH, _event("scale-in", 1000), _event("terminated", 1900)])
    assert (found.scale_in_at, found.ended_by) == (_AT + 1000, "scale-in")
    assert fold([_LAUNCH, _event("terminated-by-group", 1900, cause="scale-in")]).ended_by == "scale-in"


def test_an_operators_termination_is_other() -> None:
    assert fold([_LAUNCH, _END]).ended_by == "other"


def test_the_reason_that_ec2_states_counts_more_than_what_came_before() -> None:
    end = _event("missed-end", 4000, cause="interruption")
    assert fold([_LAUNCH, end]).ended_by == "interruption"
    assert fold([_LAUNCH, _event("scale-in", 3000), end, _END]).ended_by == "interruption"


def test_an_early_event_without_a_launch_has_no_pool() -> None:
    found = fold([_WARNING])
    assert (found.pool, found.launched, found.lifecycle) == ("", None, "spot")


def test_the_earliest_known_launch_counts() -> None:
    seen = _event("seen", 300, launched=_AT - 5)
    assert fold([_LAUNCH, _event("running", 20)]).launched == _AT
    assert fold([_event("running", 20), seen]).launched == _AT - 5
    assert fold([_event("worker", 90, launched=_AT + 80)]).launched == _AT + 80


def test_the_state_change_has_the_time_of_the_end() -> None:
    group, missed = _event("terminated-by-group", 3000), _event("missed-end", 2000)
    assert fold([_LAUNCH, group, missed, _END]).terminated == _AT + 3730
    assert fold([_LAUNCH, group, missed]).terminated == _AT + 2000


def test_ec2s_description_is_preferred_to_the_launchs_and_to_the_workers() -> None:
    worker = _event("worker", 0, instance_type="w", vcpu=4, zone="w")
    launch = _event("launched", 5, instance_type="l", vcpu=8)
    seen = _event("seen", 300, instance_type="s")
    found = fold([worker, launch, seen])
    assert (found.instance_type, found.vcpu, found.zone) == ("s", 8, "w")


@pytest.mark.parametrize("after_s", [0, -30])
def test_hibernation_may_end_the_machine_with_its_warning(after_s: int) -> None:
    assert fold([_LAUNCH, _WARNING, _event("terminated", 3600 + after_s)]).ended_by == "interruption"
