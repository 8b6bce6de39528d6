"""Parses the events of Amazon EC2 Auto Scaling: lifecycle actions, launches and terminations of a group."""

from __future__ import annotations

from eddyline.fleet.events.envelope import (
    Envelope,
    fields_of,
    instance_id,
    optional_reason,
    optional_text,
    text,
)
from eddyline.fleet.notices import INSTANCE_ID, Ignored, Launch, LifecycleAction, NoticeKind, ParseResult

TEST_NOTIFICATION = "autoscaling:TEST_NOTIFICATION"
_TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"


def parse_terminate_action(event: Envelope) -> ParseResult:
    """EC2 Instance-terminate Lifecycle Action: the group waits until the hook is completed."""
    detail = event.detail
    transition = text(detail, "LifecycleTransition")
    if transition != _TERMINATING:
        return Ignored(reason=f"not a termination: {transition[:80]}")
    group = text(detail, "AutoScalingGroupName")
    return event.parsed(
        NoticeKind.SCALE_IN,
        instance=instance_id(detail, "EC2InstanceId"),
        reason="scale-in",
        group=group,
        lifecycle=LifecycleAction(
            group=group, hook=text(detail, "LifecycleHookName"), token=text(detail, "LifecycleActionToken")
        ),
    )


def parse_launch(event: Envelope) -> ParseResult:
    """EC2 Instance Launch Successful."""
    return event.parsed(
        NoticeKind.LAUNCHED,
        instance=instance_id(event.detail, "EC2InstanceId"),
        reason="launched",
        group=text(event.detail, "AutoScalingGroupName"),
        activity=optional_text(event.detail, "ActivityId"),
        launch=Launch(zone=_zone(event)),
    )


def parse_failed_launch(event: Envelope) -> ParseResult:
    """EC2 Instance Launch Unsuccessful; there may be no instance."""
    return event.parsed(
        NoticeKind.LAUNCH_FAILED,
        instance=_optional_instance(event),
        reason=optional_reason(event.detail, "StatusMessage", "Cause") or "launch failed",
        group=text(event.detail, "AutoScalingGroupName"),
        activity=optional_text(event.detail, "ActivityId"),
        launch=Launch(zone=_zone(event)),
    )


def parse_termination(event: Envelope) -> ParseResult:
    """EC2 Instance Terminate Successful: the group terminated the instance, or found it terminated."""
    if event.detail.get("Destination") == "WarmPool":
        return Ignored(reason="returned to the warm pool, not terminated")
    return event.parsed(
        NoticeKind.TERMINATED_BY_GROUP,
        instance=instance_id(event.detail, "EC2InstanceId"),
        reason=optional_reason(event.detail, "Cause") or "terminated by the group",
        group=text(event.detail, "AutoScalingGroupName"),
        activity=optional_text(event.detail, "ActivityId"),
    )


def parse_failed_termination(event: Envelope) -> ParseResult:
    """EC2 Instance Terminate Unsuccessful: the instance still runs."""
    return event.parsed(
        NoticeKind.TERMINATE_FAILED,
        instance=_optional_instance(event),
        reason=optional_reason(event.detail, "StatusMessage", "Cause") or "termination failed",
        group=text(event.detail, "AutoScalingGroupName"),
        activity=optional_text(event.detail, "ActivityId"),
    )


def _zone(event: Envelope) -> str:
    return optional_text(fields_of(event.detail, "Details"), "Availability Zone")


def _optional_instance(event: Envelope) -> str:
    found = optional_text(event.detail, "EC2InstanceId")
    return found if INSTANCE_ID.fullmatch(found) else ""
