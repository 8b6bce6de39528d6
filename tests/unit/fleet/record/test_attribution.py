"""Fleet events of EventBridge events, and whose instances they are about."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.fleet.events import recorded_events as recorded

from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.notices import Notice, Parsed
from eddyline.fleet.record.attribution import fleet_event, is_foreign
from eddyline.graph.fleet_event import FleetEvent, FleetEventKind

_OUT = "At 2024-01-12T16:58:21Z an instance was taken out of service in response to"
_POOLS = frozenset({"cpu", "gpu"})


def _notice(event: dict[str, Any]) -> Notice:
    found = parse_event(event)
    assert isinstance(found, Parsed)
    return found.notices[0]


def _event(event: dict[str, Any], prefix: str = "eddyline") -> FleetEvent | None:
    return fleet_event(_notice(event), prefix=prefix, pools=_POOLS)


def test_a_launch_by_run_instances_says_all_about_the_instance() -> None:
    found = _event(recorded.run_instances())
    assert found == FleetEvent(
        id=f"12345678-1234-1234-1234-123456789012/{recorded.ID}",
        instance=recorded.ID,
        kind=FleetEventKind.LAUNCHED,
        at=recorded.AT,
        account="123456789012",
        region="eu-central-1",
        group="eddyline-cpu-spot",
        pool="cpu",
        instance_type="c7a.8xlarge",
        zone="eu-central-1b",
        lifecycle="spot",
    )


def test_the_group_says_pool_and_lifecycle() -> None:
    found = _event(recorded.group_activity("Launch Successful", group="eddyline-gpu-od"))
    assert found is not None
    assert (found.pool, found.lifecycle, found.zone) == ("gpu", "on-demand", "eu-central-1b")


def test_a_change_of_state_cannot_be_attributed_and_is_kept() -> None:
    for event in (recorded.warning(), recorded.state_change("terminated"), recorded.rebalance()):
        found = _event(event)
        assert found is not None
        assert (found.pool, found.group) == ("", "")


@pytest.mark.parametrize("group", ["web", "eddyline-cpu", "eddyline-unknown-spot", "eddyline-test-cpu-spot"])
def test_a_group_of_others_is_foreign(group: str) -> None:
    for event in (recorded.lifecycle(group=group), recorded.group_activity("Launch Successful", group=group)):
        assert is_foreign(_notice(event), prefix="eddyline", pools=_POOLS)
        assert _event(event) is None


def test_the_tags_of_another_installation_make_an_instance_foreign() -> None:
    assert _event(recorded.run_instances(), prefix="other") is None


def test_two_installations_in_one_account_do_not_share_instances() -> None:
    # With the prefixes `a` and `a-cpu`, the group could be read with both.
    event = recorded.group_activity("Launch Successful", group="a-cpu-gpu-spot")
    assert _event(event, prefix="a") is None
    assert _event(event, prefix="a-cpu") is not None


@pytest.mark.parametrize("kind", ["Launch Unsuccessful", "Terminate Unsuccessful"])
def test_failures_are_not_about_an_instance_of_the_record(kind: str) -> None:
    assert _event(recorded.group_activity(kind)) is None


def test_scheduled_changes_are_not_recorded() -> None:
    assert _event(recorded.health()) is None


_HEALTH_CHECK = "an EC2 health check indicating it has been terminated or stopped."


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        ("a difference between desired and actual capacity, shrinking the capacity from 4 to 0.", "scale-in"),
        ("a user request.", "scale-in"),
        (_HEALTH_CHECK, ""),
        ("an EC2 Spot Instance interruption.", "interruption"),
    ],
)
def test_the_cause_of_a_groups_termination_is_read(cause: str, expected: str) -> None:
    found = _event(recorded.group_activity("Terminate Successful", Cause=f"{_OUT} {cause}"))
    assert found is not None
    assert found.cause == expected


def test_an_event_without_an_id_gets_one_that_duplicates_share() -> None:
    event = recorded.rebalance(id="")
    first, second = _event(event), _event(event)
    assert first is not None
    assert second is not None
    assert first.id == second.id
    assert first.id.endswith(f"/{recorded.ID}")
