"""Parses EventBridge events about the machines of a fleet. Pure; never raises.

The Lambda functions and the coordinators use this one parser. It imports only the standard library, in a few
milliseconds: a function that has not run for a while imports it before it can act on an interruption.

An account's events include those of other machines, unknown kinds, duplicates and test notifications. What is
not a notice returns `Ignored`, because a Lambda function that fails is invoked again with the same event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eddyline.core.formatting import short_repr
from eddyline.fleet.events import autoscaling, cloudtrail, ec2, ecs, health
from eddyline.fleet.events.envelope import Envelope, EventError, Fields, detail_of, parse_envelope, parse_json
from eddyline.fleet.notices import Ignored, Malformed, ParseResult


@dataclass(frozen=True, kw_only=True)
class EventKind:
    """A kind of event: its source and detail type, its parser, and what it says (for the documentation)."""

    source: str
    detail_type: str
    parse: Callable[[Envelope], ParseResult]
    meaning: str


def parse_event(event: str | bytes | Fields) -> ParseResult:
    """Parse an EventBridge event, given as text or as the dict that a Lambda function receives."""
    try:
        body = event if isinstance(event, Mapping) else parse_json(event)
        if autoscaling.TEST_NOTIFICATION in (body.get("Event"), detail_of(body).get("LifecycleTransition")):
            return Ignored(reason="a test notification")
        source, detail_type = body.get("source"), body.get("detail-type")
        kind = _BY_NAME.get((source, detail_type)) if _are_texts(source, detail_type) else None
        if kind is None:
            return Ignored(reason=f"not a notice: {short_repr(source)}, {short_repr(detail_type)}")
        return kind.parse(parse_envelope(body))
    except EventError as error:
        return Malformed(reason=str(error))


def _are_texts(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)  # others may not be hashable


_FULFILLMENT = "EC2 Spot Instance Request Fulfillment"

EVENT_KINDS: tuple[EventKind, ...] = (
    EventKind(
        source="aws.ec2",
        detail_type="EC2 Spot Instance Interruption Warning",
        parse=ec2.parse_interruption,
        meaning="EC2 interrupts a Spot Instance in two minutes; hibernation starts at once",
    ),
    EventKind(
        source="aws.ec2",
        detail_type="EC2 Instance Rebalance Recommendation",
        parse=ec2.parse_rebalance,
        meaning="a Spot Instance is at elevated risk of interruption",
    ),
    EventKind(
        source="aws.ec2",
        detail_type="EC2 Instance State-change Notification",
        parse=ec2.parse_state_change,
        meaning="an instance is running or terminated; other states are ignored",
    ),
    EventKind(
        source="aws.ec2",
        detail_type="AWS API Call via CloudTrail",
        parse=cloudtrail.parse_api_call,
        meaning="RunInstances launched instances, with type, zone, tags; other calls are ignored",
    ),
    # A mixed instances group launches through EC2 Fleet, which CloudTrail records as another call.
    EventKind(
        source="aws.ec2",
        detail_type=_FULFILLMENT,
        parse=ec2.parse_fulfillment,
        meaning="a Spot Instance was launched",
    ),
    EventKind(
        source="aws.ec2spot",
        detail_type=_FULFILLMENT,
        parse=ec2.parse_fulfillment,
        meaning="the same, with the source that some services use",
    ),
    EventKind(
        source="aws.autoscaling",
        detail_type="EC2 Instance-terminate Lifecycle Action",
        parse=autoscaling.parse_terminate_action,
        meaning="a group terminates an instance and waits for the lifecycle hook",
    ),
    EventKind(
        source="aws.autoscaling",
        detail_type="EC2 Instance Launch Successful",
        parse=autoscaling.parse_launch,
        meaning="a group launched an instance",
    ),
    EventKind(
        source="aws.autoscaling",
        detail_type="EC2 Instance Launch Unsuccessful",
        parse=autoscaling.parse_failed_launch,
        meaning="a group could not launch an instance, for example for lack of Spot capacity",
    ),
    EventKind(
        source="aws.autoscaling",
        detail_type="EC2 Instance Terminate Successful",
        parse=autoscaling.parse_termination,
        meaning="a group terminated an instance; a return to the warm pool is ignored",
    ),
    EventKind(
        source="aws.autoscaling",
        detail_type="EC2 Instance Terminate Unsuccessful",
        parse=autoscaling.parse_failed_termination,
        meaning="a group could not terminate an instance",
    ),
    EventKind(
        source="aws.health",
        detail_type="AWS Health Event",
        parse=health.parse_health_event,
        meaning="a scheduled change of instances, such as a retirement; other categories are ignored",
    ),
    EventKind(
        source="aws.ecs",
        detail_type="ECS Container Instance State Change",
        parse=ecs.parse_container_instance,
        meaning="the state of a container instance; the highest version is the newest",
    ),
    EventKind(
        source="aws.ecs",
        detail_type="ECS Task State Change",
        parse=ecs.parse_task,
        meaning="the state of a task; the highest version is the newest",
    ),
)
"""All kinds of events that are parsed."""

_BY_NAME: Mapping[tuple[object, object], EventKind] = {
    (kind.source, kind.detail_type): kind for kind in EVENT_KINDS
}
