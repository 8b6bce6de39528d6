"""Parses RunInstances calls that AWS CloudTrail recorded: launches, with type, zone and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eddyline.core.formatting import short_repr
from eddyline.fleet.events.envelope import (
    Envelope,
    EventError,
    Fields,
    fields_of,
    instance_id,
    items_of,
    list_of,
    optional_text,
)
from eddyline.fleet.names import TAG_GROUP, TAG_POOL, TAG_PREFIX
from eddyline.fleet.notices import Ignored, Launch, Notice, NoticeKind, Parsed, ParseResult

_MAX_INSTANCES = 1000  # of one RunInstances call
_MAX_TAGS = 64  # EC2 allows 50 tags on a resource
_MAX_SPECIFICATIONS = 16  # one for each type of resource


def parse_api_call(event: Envelope) -> ParseResult:
    """AWS API Call via CloudTrail: a successful RunInstances call launches instances; others are ignored."""
    detail = event.detail
    response = detail.get("responseElements")
    if (
        detail.get("eventName") != "RunInstances"
        or detail.get("errorCode")
        or not isinstance(response, Mapping)
    ):
        return Ignored(reason=f"not a launch: {short_repr(detail.get('eventName'))}")
    items = items_of(response, "instancesSet", _MAX_INSTANCES)
    if items is None:
        raise EventError("detail.responseElements.instancesSet.items is not a list of instances")
    requested = _requested_tags(fields_of(detail, "requestParameters"))
    return Parsed(notices=tuple(_launch(event, item, requested) for item in items))


def _launch(event: Envelope, item: object, requested: Mapping[str, str]) -> Notice:
    if not isinstance(item, Mapping):
        raise EventError("detail.responseElements.instancesSet.items contains an item that is not an object")
    tags = {**requested, **_tags(items_of(item, "tagSet", _MAX_TAGS))}
    return event.notice(
        NoticeKind.LAUNCHED,
        instance=instance_id(item, "instanceId"),
        reason="launched",
        group=tags.get(TAG_GROUP, ""),
        launch=Launch(
            type=optional_text(item, "instanceType"),
            zone=optional_text(fields_of(item, "placement"), "availabilityZone"),
            spot=item.get("instanceLifecycle") == "spot",
            pool=tags.get(TAG_POOL, ""),
            prefix=tags.get(TAG_PREFIX, ""),
        ),
    )


def _requested_tags(request: Fields) -> Mapping[str, str]:
    """The tags that the call asked for; the response does not always repeat them."""
    tags: dict[str, str] = {}
    for specification in items_of(request, "tagSpecificationSet", _MAX_SPECIFICATIONS) or ():
        if isinstance(specification, Mapping) and specification.get("resourceType") == "instance":
            tags |= _tags(list_of(specification, "tags", _MAX_TAGS))
    return tags


def _tags(found: Sequence[object] | None) -> dict[str, str]:
    return {
        optional_text(tag, "key"): optional_text(tag, "value")
        for tag in found or ()
        if isinstance(tag, Mapping)
    }
