"""An instance drains: DRAINING first, then checks until no task is left, within the limits of the hook."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.drain.instances import (
    LONGEST_WAIT_S,
    MOST_HEARTBEATS,
    DrainProgress,
    InstanceDrainRules,
    Membership,
    Observation,
    decide_instance_drain,
    membership_of,
)

AT = 1_772_366_400.0
RULES = InstanceDrainRules(hook_s=900.0, heartbeat_s=900.0)
START = DrainProgress(started=AT)
WAITING = Membership.WAITING
# The lifecycle of a task (ECS Developer Guide, "Amazon ECS task lifecycle").
BEFORE_STOPPED = [
    "PROVISIONING",
    "PENDING",
    "ACTIVATING",
    "RUNNING",
    "DEACTIVATING",
    "STOPPING",
    "DEPROVISIONING",
]


def _found(status: str | None, *tasks: str, membership: Membership = WAITING) -> Observation:
    return Observation(membership=membership, container_status=status, task_statuses=tasks)


def test_an_active_container_instance_is_set_to_draining_even_without_tasks() -> None:
    decision = decide_instance_drain(START, _found("ACTIVE"), AT, RULES)
    assert decision.set_draining
    assert not decision.complete
    assert decision.check_again_s == 15.0


@pytest.mark.parametrize("status", [*BEFORE_STOPPED, "A STATE OF THE FUTURE", ""])
def test_the_hook_is_not_completed_while_a_task_is_in_any_state_before_stopped(status: str) -> None:
    decision = decide_instance_drain(START, _found("DRAINING", "STOPPED", status), AT + 300, RULES)
    assert not decision.complete
    assert decision.check_again_s is not None


@pytest.mark.parametrize("tasks", [(), ("STOPPED",), ("STOPPED", "STOPPED")])
def test_the_hook_is_completed_when_no_task_is_left(tasks: tuple[str, ...]) -> None:
    decision = decide_instance_drain(START, _found("DRAINING", *tasks), AT + 300, RULES)
    assert decision.complete
    assert decision.check_again_s is None


@pytest.mark.parametrize("status", [None, "INACTIVE", "DEREGISTERING", "REGISTRATION_FAILED"])
def test_an_instance_that_ecs_does_not_know_is_completed_at_once(status: str | None) -> None:
    assert decide_instance_drain(START, _found(status), AT, RULES).complete


def test_a_container_instance_that_is_registering_is_checked_again() -> None:
    decision = decide_instance_drain(START, _found("REGISTERING"), AT, RULES)
    assert not decision.set_draining
    assert not decision.complete
    assert decision.check_again_s


def test_nothing_is_done_for_an_instance_whose_hook_was_completed() -> None:
    decision = decide_instance_drain(START, _found("DRAINING", membership=Membership.ENDED), AT, RULES)
    assert not decision.complete
    assert decision.check_again_s is None


def test_an_instance_that_never_waits_for_the_hook_is_left_alone_after_some_checks() -> None:
    """An old event about an instance that is in service again drains nothing."""
    progress, checks = START, 0
    while True:
        decision = decide_instance_drain(
            progress, _found("ACTIVE", "RUNNING", membership=Membership.PREMATURE), AT, RULES
        )
        assert not decision.set_draining
        assert not decision.complete
        if decision.check_again_s is None:
            break
        checks += 1
        progress = replace(progress, checks=checks)
    assert checks == 8


@pytest.mark.parametrize(
    ("state", "membership"),
    [
        ("Terminating:Wait", Membership.WAITING),
        ("Warmed:Pending:Wait", Membership.WAITING),
        ("InService", Membership.PREMATURE),
        ("Terminating", Membership.PREMATURE),
        ("Pending", Membership.PREMATURE),
        ("Terminating:Proceed", Membership.ENDED),
        ("Terminated", Membership.ENDED),
        ("Warmed:Terminated", Membership.ENDED),
        ("Detached", Membership.ENDED),
        (None, Membership.ENDED),
    ],
)
def test_lifecycle_states_are_classified(state: str | None, membership: Membership) -> None:
    assert membership_of(state) is membership


def test_the_hook_is_completed_when_the_granted_time_is_over() -> None:
    busy = _found("DRAINING", "RUNNING")
    last = decide_instance_drain(replace(START, checks=20), busy, AT + 890.0, RULES)
    assert last.check_again_s == pytest.approx(10.0)
    assert decide_instance_drain(replace(START, checks=21), busy, AT + 900.0, RULES).complete


def test_delays_between_checks_grow_to_a_minute() -> None:
    assert [RULES.delay_s(checks) for checks in (0, 1, 2, 3, 4, 1000)] == [
        15.0,
        22.5,
        33.75,
        50.625,
        60.0,
        60.0,
    ]


@pytest.mark.parametrize(
    ("hook_s", "heartbeat_s", "longest_s"),
    [
        (900.0, 900.0, 900.0),
        (7200.0, 7200.0, 7200.0),
        (7200.0, 30.0, 100 * 30.0 - 60.0),
        (10**6, 7200.0, LONGEST_WAIT_S - 60.0),
        (30.0, 30.0, 30.0),
    ],
)
def test_a_drain_ends_before_48_hours_and_before_100_heartbeats(
    hook_s: float, heartbeat_s: float, longest_s: float
) -> None:
    assert InstanceDrainRules(hook_s=hook_s, heartbeat_s=heartbeat_s).longest_s == longest_s


@given(
    hook_s=st.floats(30.0, 7200.0),
    heartbeat_s=st.floats(30.0, 7200.0),
    late_s=st.floats(0.0, 60.0),
    ends_after_s=st.floats(0.0, 20_000.0),
)
def test_the_hook_never_times_out_by_itself_and_is_completed_once(
    hook_s: float, heartbeat_s: float, late_s: float, ends_after_s: float
) -> None:
    """A model of the hook and of the checks, each late by some seconds as SQS delivers them."""
    # A hook shorter than two delayed checks cannot be extended in time; AWS then continues, as it does
    # anyway.
    rules = InstanceDrainRules(hook_s=hook_s, heartbeat_s=max(heartbeat_s, min(hook_s, 240.0)))
    progress, now, times_out = START, AT, AT + rules.heartbeat_s
    status = "ACTIVE"
    for _ in range(1000):
        tasks = ("RUNNING",) if now < AT + ends_after_s else ("STOPPED",)
        decision = decide_instance_drain(progress, _found(status, *tasks), now, rules)
        if decision.set_draining:
            status = "DRAINING"
        heartbeats, last = progress.heartbeats, progress.last_heartbeat
        if decision.heartbeat:
            heartbeats, last = heartbeats + 1, now
            times_out = now + rules.heartbeat_s
        if decision.complete:
            assert decision.check_again_s is None
            break
        assert decision.check_again_s is not None
        now += decision.check_again_s + late_s
        assert now <= max(times_out, AT + rules.longest_s + late_s + 1.0)
        progress = DrainProgress(
            started=AT, checks=progress.checks + 1, heartbeats=heartbeats, last_heartbeat=last
        )
    assert decision.complete
    assert progress.heartbeats <= MOST_HEARTBEATS
    assert now - AT <= rules.longest_s + late_s + 1.0


def test_heartbeats_are_few() -> None:
    """A drain as long as the heartbeat timeout needs one or two of them, not one for each check."""
    progress, heartbeats = START, 0
    now = AT
    while now < AT + 900.0:
        decision = decide_instance_drain(progress, _found("DRAINING", "RUNNING"), now, RULES)
        heartbeats += decision.heartbeat
        last = now if decision.heartbeat else progress.last_heartbeat
        assert decision.check_again_s is not None
        progress = DrainProgress(
            started=AT, checks=progress.checks + 1, heartbeats=heartbeats, last_heartbeat=last
        )
        now += decision.check_again_s
    assert 1 <= heartbeats <= 3
