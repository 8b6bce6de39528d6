"""Parses the events of Amazon ECS: states of container instances and tasks.

ECS sends events at least once and in any order. `detail.version` grows with each change of a resource: of two
events about it, the one with the higher version is newer (ECS Developer Guide, "Amazon ECS events").
"""

from __future__ import annotations

from eddyline.fleet.events.envelope import (
    Envelope,
    EventError,
    Fields,
    optional_reason,
    optional_text,
    text,
)
from eddyline.fleet.notices import (
    INSTANCE_ID,
    ContainerInstanceChange,
    Ignored,
    Parsed,
    ParseResult,
    TaskChange,
)

_MAX_VERSION = 1 << 53


def parse_container_instance(event: Envelope) -> ParseResult:
    """ECS Container Instance State Change; an instance outside EC2 (ECS Anywhere) is ignored."""
    detail = event.detail
    instance = optional_text(detail, "ec2InstanceId")
    if not INSTANCE_ID.fullmatch(instance):
        return Ignored(reason="a container instance outside EC2")
    connected = detail.get("agentConnected")
    return Parsed(
        change=ContainerInstanceChange(
            arn=text(detail, "containerInstanceArn"),
            cluster=text(detail, "clusterArn"),
            version=_version(detail),
            at=event.at,
            instance=instance,
            status=text(detail, "status"),
            # The connection is renewed several times an hour; a lost one says nothing about the machine.
            agent_connected=connected if isinstance(connected, bool) else None,
        )
    )


def parse_task(event: Envelope) -> ParseResult:
    """ECS Task State Change."""
    detail = event.detail
    return Parsed(
        change=TaskChange(
            arn=text(detail, "taskArn"),
            cluster=text(detail, "clusterArn"),
            version=_version(detail),
            at=event.at,
            container_instance=optional_text(detail, "containerInstanceArn"),
            last_status=text(detail, "lastStatus"),
            desired_status=text(detail, "desiredStatus"),
            stop_code=optional_text(detail, "stopCode"),
            stopped_reason=optional_reason(detail, "stoppedReason"),
        )
    )


def _version(detail: Fields) -> int:
    found = detail.get("version")
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= _MAX_VERSION:
        raise EventError("detail.version is not a number")
    return found
