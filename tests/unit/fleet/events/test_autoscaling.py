"""Launches, terminations and failures of an Auto Scaling group."""

from __future__ import annotations

import pytest
from tests.unit.fleet.events.reading import only
from tests.unit.fleet.events.recorded_events import ACTIVITY, GROUP, ID, group_activity, lifecycle

from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.events.autoscaling import TEST_NOTIFICATION
from eddyline.fleet.notices import Ignored, Malformed, NoticeKind


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Launch Successful", NoticeKind.LAUNCHED),
        ("Launch Unsuccessful", NoticeKind.LAUNCH_FAILED),
        ("Terminate Successful", NoticeKind.TERMINATED_BY_GROUP),
        ("Terminate Unsuccessful", NoticeKind.TERMINATE_FAILED),
    ],
)
def test_the_activities_of_a_group_are_notices_with_the_group(kind: str, expected: NoticeKind) -> None:
    notice = only(group_activity(kind))
    assert (notice.kind, notice.instance, notice.group) == (expected, ID, GROUP)


@pytest.mark.parametrize("instance", ["", None, "not an id"])
def test_a_launch_that_failed_may_have_no_instance(instance: object) -> None:
    message = "Could not launch Spot Instances. UnfulfillableCapacity - there is no\nSpot capacity"
    notice = only(group_activity("Launch Unsuccessful", EC2InstanceId=instance, StatusMessage=message))
    assert notice.instance == ""
    assert notice.launch is not None
    assert notice.launch.zone == "eu-central-1b"
    assert notice.reason == message.replace("\n", "")
    assert notice.activity == ACTIVITY


def test_several_failures_of_a_group_have_different_identities() -> None:
    first, again = only(group_activity("Launch Unsuccessful")), only(group_activity("Launch Unsuccessful"))
    other = only(group_activity("Launch Unsuccessful", ActivityId="another"))
    assert first.identity == again.identity != other.identity


def test_a_return_to_the_warm_pool_is_not_a_termination() -> None:
    returned = group_activity("Terminate Successful", Origin="AutoScalingGroup", Destination="WarmPool")
    assert isinstance(parse_event(returned), Ignored)


def test_a_scale_in_has_the_group_and_the_lifecycle_action() -> None:
    notice = only(lifecycle())
    assert notice.lifecycle is not None
    assert notice.group == notice.lifecycle.group == GROUP


def test_a_test_notification_is_ignored() -> None:
    assert isinstance(parse_event(lifecycle(LifecycleTransition=TEST_NOTIFICATION)), Ignored)


@pytest.mark.parametrize("kind", ["Launch Successful", "Launch Unsuccessful", "Terminate Successful"])
def test_an_activity_without_a_group_is_malformed(kind: str) -> None:
    assert isinstance(parse_event(group_activity(kind, AutoScalingGroupName=None)), Malformed)
