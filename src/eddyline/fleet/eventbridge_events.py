"""EventBridge's events about machines, parsed: what to do, ignore or report. Pure, and never raises.

An account's event stream holds everybody's machines, unknown kinds of events, duplicates and tests: all of
that is answered with `Ignored`, for a handler that fails is called again and again with the same event.
Machines are named by `detail` alone: ARNs differ in form between events.
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
"""From the warning to the end of a Spot instance (EC2 User Guide, "Spot Instance interruption notices")."""

_MOST_BYTES = 1024 * 1024
_MOST_INSTANCES = 1000
_LONGEST = 2048
_TEST = "autoscaling:TEST_NOTIFICATION"
_TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
_Body = Mapping[str, Any]


class _OddError(Exception):
    """A part of an event that is not as documented."""


def parse_event(event: str | bytes | _Body) -> ParseResult:
    """What an EventBridge event says, as text or as the dict that a Lambda is given."""
    try:
        body = event if isinstance(event, Mapping) else _json(event)
        if _TEST in (body.get("Event"), _detail(body).get("LifecycleTransition")):  # of any type
            return Ignored(reason="a test notification")
        source, kind = body.get("source"), body.get("detail-type")
        read = _READERS.get((source, kind)) if isinstance(source, str) and isinstance(kind, str) else None
        if read is None:
            return Ignored(reason=f"not a notice: {short_repr(source)}, {short_repr(kind)}")
        return read(_detail(body), _moment(body))
    except _OddError as odd:
        return Malformed(reason=str(odd))


def _json(event: str | bytes) -> _Body:
    if len(event) > _MOST_BYTES:
        raise _OddError(f"{len(event)} bytes, more than any event has")
    try:
        body = json.loads(event)
    except (ValueError, RecursionError) as error:
        raise _OddError(f"not JSON: {short_repr(str(error), 200)}") from None
    if not isinstance(body, dict):
        raise _OddError("not a JSON object")
    return body


def _detail(body: _Body) -> _Body:
    found = body.get("detail")
    return found if isinstance(found, Mapping) else {}


def _moment(body: _Body) -> float:
    try:
        return parse_time(body.get("time"))
    except ValueError as error:
        raise _OddError(f"time: {error}") from None


def _word(detail: _Body, key: str) -> str:
    found = detail.get(key)
    if not isinstance(found, str) or not 0 < len(found) <= _LONGEST:
        raise _OddError(f"detail.{key} is missing, or not a word: {short_repr(found)}")
    return found


def _instance(detail: _Body, key: str) -> str:
    found = _word(detail, key)
    if not INSTANCE_ID.fullmatch(found):
        raise _OddError(f"detail.{key} is not an instance's id: {found[:80]!r}")
    return found


# One reader a kind of event


def _interruption(detail: _Body, at: float) -> ParseResult:
    action = _word(detail, "instance-action")
    # Hibernation begins with the warning: there are no two minutes.
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


def _rebalance(detail: _Body, at: float) -> ParseResult:
    return _one(
        Notice(
            kind=NoticeKind.REBALANCE,
            at=at,
            instance=_instance(detail, "instance-id"),
            reason="rebalance recommendation",
        )
    )


def _terminating(detail: _Body, at: float) -> ParseResult:
    transition = _word(detail, "LifecycleTransition")
    if transition != _TERMINATING:
        return Ignored(reason=f"not an end: {transition[:80]}")
    return _one(
        Notice(
            kind=NoticeKind.SCALE_IN,
            at=at,
            instance=_instance(detail, "EC2InstanceId"),
            reason="scale-in",
            lifecycle=LifecycleAction(
                group=_word(detail, "AutoScalingGroupName"),
                hook=_word(detail, "LifecycleHookName"),
                token=_word(detail, "LifecycleActionToken"),
            ),
        )
    )


def _state(detail: _Body, at: float) -> ParseResult:
    state = _word(detail, "state")
    if state != "terminated":
        return Ignored(reason=f"not an end: {state[:80]}")
    return _one(Notice(kind=NoticeKind.GONE, at=at, instance=_instance(detail, "instance-id"), reason=state))


def _fulfilled(detail: _Body, at: float) -> ParseResult:
    return _launched(at, _instance(detail, "instance-id"), Launch(spot=True))


def _scaled_out(detail: _Body, at: float) -> ParseResult:
    more = detail.get("Details")
    zone = more.get("Availability Zone") if isinstance(more, Mapping) else ""
    return _launched(at, _instance(detail, "EC2InstanceId"), Launch(zone=_text(zone)))


def _called(detail: _Body, at: float) -> ParseResult:
    """CloudTrail's record of a call: RunInstances that worked."""
    answer = detail.get("responseElements")
    if (
        detail.get("eventName") != "RunInstances"
        or detail.get("errorCode")
        or not isinstance(answer, Mapping)
    ):
        return Ignored(reason=f"not a launch: {short_repr(detail.get('eventName'))}")
    found = answer.get("instancesSet")
    items = found.get("items") if isinstance(found, Mapping) else None
    if not isinstance(items, Sequence) or isinstance(items, str) or len(items) > _MOST_INSTANCES:
        raise _OddError("detail.responseElements.instancesSet.items is not a list of instances")
    return Parsed(notices=tuple(_item(item, at) for item in items))


def _item(item: object, at: float) -> Notice:
    if not isinstance(item, Mapping):
        raise _OddError("detail.responseElements.instancesSet.items holds something that is no instance")
    place = item.get("placement")
    launch = Launch(
        type=_text(item.get("instanceType")),
        zone=_text(place.get("availabilityZone")) if isinstance(place, Mapping) else "",
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


def _text(found: object) -> str:
    return found[:_LONGEST] if isinstance(found, str) else ""


def _one(notice: Notice) -> ParseResult:
    return Parsed(notices=(notice,))


_READERS: dict[tuple[str, str], Callable[[_Body, float], ParseResult]] = {
    ("aws.ec2", "EC2 Spot Instance Interruption Warning"): _interruption,
    ("aws.ec2", "EC2 Instance Rebalance Recommendation"): _rebalance,
    ("aws.autoscaling", "EC2 Instance-terminate Lifecycle Action"): _terminating,
    ("aws.ec2", "EC2 Instance State-change Notification"): _state,
    ("aws.ec2", "AWS API Call via CloudTrail"): _called,
    # A group of mixed instances launches through EC2 Fleet, which CloudTrail shows otherwise.
    ("aws.ec2", "EC2 Spot Instance Request Fulfillment"): _fulfilled,
    ("aws.ec2spot", "EC2 Spot Instance Request Fulfillment"): _fulfilled,
    ("aws.autoscaling", "EC2 Instance Launch Successful"): _scaled_out,
}
