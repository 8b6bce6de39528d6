"""Changes of container instances and tasks; duplicates and old ones are recognized by their version."""

from __future__ import annotations

import pytest
from tests.unit.fleet.events.recorded_events import (
    CLUSTER,
    CONTAINER_INSTANCE,
    ID,
    TASK,
    container_instance_change,
    task_change,
)

from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.events.ecs import parse_task
from eddyline.fleet.events.envelope import EventError, parse_envelope
from eddyline.fleet.notices import ContainerInstanceChange, Ignored, Malformed, Parsed, TaskChange


def _instance_change(**more: object) -> ContainerInstanceChange:
    result = parse_event(container_instance_change(**more))  # type: ignore[arg-type]
    assert isinstance(result, Parsed)
    assert isinstance(result.change, ContainerInstanceChange)
    return result.change


def test_a_change_of_a_container_instance_has_its_instance_and_version() -> None:
    change = _instance_change(version=9, status="DRAINING", agentConnected=False)
    assert (change.arn, change.cluster, change.instance) == (CONTAINER_INSTANCE, CLUSTER, ID)
    assert (change.version, change.status, change.agent_connected) == (9, "DRAINING", False)


def test_a_change_of_a_task_has_both_states_and_the_reason() -> None:
    result = parse_event(task_change())
    assert isinstance(result, Parsed)
    assert not result.notices
    assert isinstance(result.change, TaskChange)
    assert (result.change.arn, result.change.last_status, result.change.stop_code) == (
        TASK,
        "STOPPED",
        "ServiceSchedulerInitiated",
    )


def test_a_container_instance_outside_ec2_is_ignored() -> None:
    assert isinstance(parse_event(container_instance_change(ec2InstanceId="mi-0123456789abcdef0")), Ignored)


@pytest.mark.parametrize("version", [None, "5", True, -1, 1 << 60])
def test_a_change_without_a_usable_version_is_malformed(version: object) -> None:
    assert isinstance(parse_event(task_change(version=version)), Malformed)  # type: ignore[arg-type]
    with pytest.raises(EventError, match="version"):
        parse_task(parse_envelope(task_change(version=version)))  # type: ignore[arg-type]
