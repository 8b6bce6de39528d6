"""A worker reads its instance from the metadata service once, within a few seconds."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from tests.servers.imds import FakeMachine, machine

from eddyline.aws.ec2_machine import MachineReading, read_machine
from eddyline.aws.ec2_metadata import InstanceMetadata
from eddyline.graph.machine import UNKNOWN_MACHINE, Machine

VALUES = {
    "instance-id": "i-0123456789abcdef0",
    "instance-type": "c5.4xlarge",
    "placement/availability-zone": "eu-central-1a",
    "instance-life-cycle": "spot",
}


@pytest.fixture
def fake() -> Iterator[FakeMachine]:
    with machine() as running:
        running.responses |= VALUES
        yield running


def test_instance_type_zone_and_lifecycle_are_read_with_one_token(fake: FakeMachine) -> None:
    assert read_machine(InstanceMetadata(fake.url)) == Machine(
        instance="i-0123456789abcdef0", instance_type="c5.4xlarge", zone="eu-central-1a", lifecycle="spot"
    )
    assert len(fake.requests) == 5


@pytest.mark.parametrize(
    ("value", "lifecycle"),
    [("on-demand", "on-demand"), ("scheduled", "on-demand"), ("capacity-block", "on-demand"), ("new", "")],
)
def test_only_spot_instances_have_the_lifecycle_spot(fake: FakeMachine, value: str, lifecycle: str) -> None:
    fake.responses["instance-life-cycle"] = value
    assert read_machine(InstanceMetadata(fake.url)).lifecycle == lifecycle


@pytest.mark.parametrize("path", sorted(VALUES))
@pytest.mark.parametrize("value", [None, "", "<html>", "x" * 5000, "\0"])
def test_a_missing_or_invalid_value_is_unknown_and_the_others_are_read(
    fake: FakeMachine, path: str, value: str | None
) -> None:
    fake.responses[path] = value or ""
    if value is None:
        del fake.responses[path]
    found = read_machine(InstanceMetadata(fake.url))
    values = [found.instance, found.instance_type, found.zone, found.lifecycle]
    assert values.count("") == 1
    assert values[list(VALUES).index(path)] == ""


def test_a_service_that_never_answers_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        metadata = InstanceMetadata(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        began = time.monotonic()
        assert read_machine(metadata) == UNKNOWN_MACHINE
        assert time.monotonic() - began < 3


def test_no_request_starts_after_the_time_limit(fake: FakeMachine) -> None:
    times = iter(range(100))
    found = read_machine(InstanceMetadata(fake.url), timeout_s=2.5, monotonic=lambda: float(next(times)))
    assert found == Machine(instance="i-0123456789abcdef0", instance_type="c5.4xlarge")


def test_the_machine_is_read_while_the_worker_prepares(fake: FakeMachine) -> None:
    assert MachineReading(InstanceMetadata(fake.url)).result().instance == "i-0123456789abcdef0"
    assert MachineReading(None).result() == UNKNOWN_MACHINE


def test_the_result_of_a_reading_is_available_within_its_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        metadata = InstanceMetadata(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=30)
        reading = MachineReading(metadata, timeout_s=0.2)
        began = time.monotonic()
        assert reading.result() == UNKNOWN_MACHINE
        assert time.monotonic() - began < 3
