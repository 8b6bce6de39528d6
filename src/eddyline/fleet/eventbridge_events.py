"""Parses EventBridge events about EC2 instances: notices, ignored events, malformed ones. Pure; never raises.

No process of this package uses it yet: it is the parser of the Lambda functions that scale and drain a fleet.

An account's events include those of other machines, unknown kinds, duplicates and test notifications. All of
them return `Ignored`, because a Lambda function that fails is invoked again with the same event. Instance ids
are read from `detail` only: the format of ARNs differs between events.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eddyline.core.formatting import short_repr
from eddyline.fleet.notices import (
    INSTANCE_ID,
    Ignored,
    Launch,
    LifecycleAction,
    Malformed,
    Notice,
    NoticeKind,
    Parsed,
    ParseResult,
    parse_time,
)

INTERRUPTION_WARNING_S = 120.0
"""Seconds from notice to interruption (EC2 User Guide, "Spot Instance interruption notices")."""

_MAX_BYTES = 1024 * 1024
_MAX_INSTANCES = 1000
_MAX_LENGTH = 2048
_TEST = "autoscaling:TEST_NOTIFICATION"
_TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
_Body = Mapping[str, Any]


class _EventError(Exception):
    """A part of an event differs from the documentation."""


def parse_event(event: str | bytes | _Body) -> ParseResult:
    """Parse an EventBridge event, given as text or as the dict that a Lambda function receives."""
    try:
        body = event if isinstance(event, Mapping) else _json(event)
        if _TEST in (body.get("Event"), _detail(body).get("LifecycleTransition")):  # of any type
            return Ignored(reason="a test notification")
        source, kind = body.get("source"), body.get("detail-type")
        parse = _PARSERS.get((source, kind)) if isinstance(source, str) and isinstance(kind, str) else None
        if parse is None:
            return Ignored(reason=f"not a notice: {short_repr(source)}, {short_repr(kind)}")
        return parse(_detail(body), _time(body))
    except _EventError as error:
        return Malformed(reason=str(error))


def _json(event: str | bytes) -> _Body:
    if len(event) > _MAX_BYTES:
        raise _EventError(f"{len(event)} bytes; an event has at most {_MAX_BYTES}")
    try:
        body = json.loads(event)
    except (ValueError, RecursionError) as error:
        raise _EventError(f"not JSON: {short_repr(str(error), 200)}") from None
    if not isinstance(body, dict):
        raise _EventError("not a JSON object")
    return body


def _detail(body: _Body) -> _Body:
    found = body.get("detail")
    return found if isinstance(found, Mapping) else {}


def _time(body: _Body) -> float:
    try:
        return parse_time(body.get("time"))
    except ValueError as error:
        raise _EventError(f"time: {error}") from None


def _text(detail: _Body, key: str) -> str:
    found = detail.get(key)
    if not isinstance(found, str) or not 0 < len(found) <= _MAX_LENGTH:
        raise _EventError(f"detail.{key} is missing or not a text: {short_repr(found)}")
    return found


def _instance(detail: _Body, key: str) -> str:
    found = _text(detail, key)
    if not INSTANCE_ID.fullmatch(found):
        raise _EventError(f"detail.{key} is not an instance id: {found[:80]!r}")
    return found


# One parser for each kind of event


def _parse_interruption(detail: _Body, at: float) -> ParseResult:
    action = _text(detail, "instance-action")
    # Hibernation starts with the notice, without a delay of two minutes.
    deadline = at if action == "hibernate" else at + INTERRUPTION_WARNING_S
    return _one(
        Notice(
            kind=NoticeKind.INTERRUPTION,
            at=at,
            instance=_instance(detail, "instance-id"),
            deadline=deadline,
            reason=f"Spot interruption ({action})",
        )
    )


def _parse_rebalance(detail: _Body, at: float) -> ParseResult:
    return _one(
        Notice(
            kind=NoticeKind.REBALANCE,
            at=at,
            instance=_instance(detail, "instance-id"),
            reason="rebalance recommendation",
        )
    )


def _parse_terminate_action(detail: _Body, at: float) -> ParseResult:
    transition = _text(detail, "LifecycleTransition")
    if transition != _TERMINATING:
        return Ignored(reason=f"not a termination: {transition[:80]}")
    return _one(
        Notice(
            kind=NoticeKind.SCALE_IN,
            at=at,
            instance=_instance(detail, "EC2InstanceId"),
            reason="scale-in",
            lifecycle=LifecycleAction(
                group=_text(detail, "AutoScalingGroupName"),
                hook=_text(detail, "LifecycleHookName"),
                token=_text(detail, "LifecycleActionToken"),
            ),
        )
    )


def _parse_state_change(detail: _Body, at: float) -> ParseResult:
    state = _text(detail, "state")
    if state != "terminated":
        return Ignored(reason=f"not a termination: {state[:80]}")
    return _one(
        Notice(kind=NoticeKind.TERMINATED, at=at, instance=_instance(detail, "instance-id"), reason=state)
    )


def _parse_fulfillment(detail: _Body, at: float) -> ParseResult:
    return _launched(at, _instance(detail, "instance-id"), Launch(spot=True))


def _parse_launch(detail: _Body, at: float) -> ParseResult:
    details = detail.get("Details")
    zone = details.get("Availability Zone") if isinstance(details, Mapping) else ""
    return _launched(at, _instance(detail, "EC2InstanceId"), Launch(zone=_optional_text(zone)))


def _parse_api_call(detail: _Body, at: float) -> ParseResult:
    """CloudTrail's record of an API call: a successful RunInstances is a launch."""
    response = detail.get("responseElements")
    if (
        detail.get("eventName") != "RunInstances"
        or detail.get("errorCode")
        or not isinstance(response, Mapping)
    ):
        return Ignored(reason=f"not a launch: {short_repr(detail.get('eventName'))}")
    found = response.get("instancesSet")
    items = found.get("items") if isinstance(found, Mapping) else None
    if not isinstance(items, Sequence) or isinstance(items, str) or len(items) > _MAX_INSTANCES:
        raise _EventError("detail.responseElements.instancesSet.items is not a list of instances")
    return Parsed(notices=tuple(_launch_of(item, at) for item in items))


def _launch_of(item: object, at: float) -> Notice:
    if not isinstance(item, Mapping):
        raise _EventError("detail.responseElements.instancesSet.items contains an item that is not an object")
    placement = item.get("placement")
    launch = Launch(
        type=_optional_text(item.get("instanceType")),
        zone=_optional_text(placement.get("availabilityZone")) if isinstance(placement, Mapping) else "",
        spot=item.get("instanceLifecycle") == "spot",
    )
    return Notice(
        kind=NoticeKind.LAUNCHED,
        at=at,
        instance=_instance(item, "instanceId"),
        reason="launched",
        launch=launch,
    )


def _launched(at: float, instance: str, launch: Launch) -> ParseResult:
    return _one(Notice(kind=NoticeKind.LAUNCHED, at=at, instance=instance, reason="launched", launch=launch))


def _optional_text(found: object) -> str:
    return found[:_MAX_LENGTH] if isinstance(found, str) else ""


def _one(notice: Notice) -> ParseResult:
    return Parsed(notices=(notice,))


_PARSERS: dict[tuple[str, str], Callable[[_Body, float], ParseResult]] = {
    ("aws.ec2", "EC2 Spot Instance Interruption Warning"): _parse_interruption,
    ("aws.ec2", "EC2 Instance Rebalance Recommendation"): _parse_rebalance,
    ("aws.autoscaling", "EC2 Instance-terminate Lifecycle Action"): _parse_terminate_action,
    ("aws.ec2", "EC2 Instance State-change Notification"): _parse_state_change,
    ("aws.ec2", "AWS API Call via CloudTrail"): _parse_api_call,
    # A mixed instances group launches through EC2 Fleet, which CloudTrail records as another call.
    ("aws.ec2", "EC2 Spot Instance Request Fulfillment"): _parse_fulfillment,
    ("aws.ec2spot", "EC2 Spot Instance Request Fulfillment"): _parse_fulfillment,
    ("aws.autoscaling", "EC2 Instance Launch Successful"): _parse_launch,
}
