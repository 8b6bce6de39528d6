"""Instances as EC2 describes them, from a fake of its API over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.servers.aws_control_plane import KEYS, ControlPlane, control_plane
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import ACCOUNT, REGION, Group

from eddyline.aws import ec2_instances
from eddyline.aws.client_errors import AccessError, ServiceError
from eddyline.aws.clients import open_client
from eddyline.aws.ec2_instances import Ec2Instances

_AT = 1_800_000_000.0
_TAGS = {"eddyline:prefix": "eddyline", "eddyline:pool": "cpu", "eddyline:purchase": "spot"}


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPlane]:
    for name in ("aws_access_key_id", "aws_secret_access_key"):
        monkeypatch.setenv(name.upper(), KEYS[name])
    fleet = FleetModel(effects=Recorded())
    fleet.add_group(Group(name="eddyline-cpu-spot", tags=_TAGS))
    with control_plane(fleet, clock=lambda: _AT + 100) as running:
        yield running


def _instances(plane: ControlPlane) -> Ec2Instances:
    return Ec2Instances(open_client("ec2", endpoint=plane.url, region=REGION))


def test_instances_with_the_tag_are_described(plane: ControlPlane) -> None:
    ours = plane.fleet.launch(_AT, type="c7i.8xlarge", group="eddyline-cpu-spot")
    plane.fleet.launch(_AT, tags={"eddyline:prefix": "other"})
    plane.fleet.launch(_AT)  # untagged
    (found,) = _instances(plane).of_prefix("eddyline")
    assert (found.instance, found.state, found.launched) == (ours.id, "running", _AT)
    assert (found.instance_type, found.zone, found.spot) == ("c7i.8xlarge", ours.zone, True)
    assert (found.account, found.prefix, found.pool) == (ACCOUNT, "eddyline", "cpu")
    assert (found.group, found.reason, found.changed_at) == ("eddyline-cpu-spot", "", None)


def test_the_end_of_an_instance_has_reason_and_time(plane: ControlPlane) -> None:
    ours = plane.fleet.launch(_AT, group="eddyline-cpu-spot")
    plane.fleet.terminate(ours.id, _AT + 50)
    plane.fleet.advance(_AT + 99)
    (found,) = _instances(plane).of_prefix("eddyline")
    assert found.state == "terminated"
    assert found.reason == "Client.UserInitiatedShutdown"
    assert found.changed_at == plane.fleet.instances[ours.id].terminated_at


def test_many_instances_come_in_pages(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ec2_instances, "_PAGE", 10)
    ids = {plane.fleet.launch(_AT, group="eddyline-cpu-spot").id for _ in range(35)}
    assert {each.instance for each in _instances(plane).of_prefix("eddyline")} == ids
    assert len(plane.calls_of("DescribeInstances")) == 4


def test_an_unknown_id_is_not_an_error(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ec2_instances, "_IDS", 2)
    ids = [plane.fleet.launch(_AT).id for _ in range(5)]
    found = _instances(plane).by_id([*ids, "i-00000000deadbeef0"])
    assert sorted(each.instance for each in found) == sorted(ids)
    assert _instances(plane).by_id([]) == []


def test_throttled_calls_are_repeated(plane: ControlPlane) -> None:
    plane.fleet.launch(_AT, group="eddyline-cpu-spot")
    plane.fail("ec2", "DescribeInstances", "RequestLimitExceeded", times=2, status=503)
    assert len(_instances(plane).of_prefix("eddyline")) == 1


def test_a_missing_permission_says_what_to_allow(plane: ControlPlane) -> None:
    plane.fail("ec2", "DescribeInstances", "UnauthorizedOperation", status=403)
    with pytest.raises(AccessError, match="allow ec2:DescribeInstances"):
        _instances(plane).of_prefix("eddyline")


def test_an_unreachable_service_is_a_transient_failure() -> None:
    class Failing:
        meta = type("Meta", (), {"region_name": REGION})

        def get_paginator(self, _name: str) -> Any:
            raise OSError("unreachable")

    with pytest.raises(ServiceError, match="unreachable"):
        Ec2Instances(Failing()).of_prefix("eddyline")


@pytest.mark.parametrize(
    "text", ["", "User initiated", "User initiated (yesterday)", "(2026-99-99 12:00:00 GMT)"]
)
def test_a_reason_without_a_time_has_none(text: str) -> None:
    assert ec2_instances._changed_at(text) is None


def test_the_vcpu_are_cores_times_threads() -> None:
    described = ec2_instances._described({"CpuOptions": {"CoreCount": 16, "ThreadsPerCore": 2}}, "")
    assert described.vcpu == 32
    assert ec2_instances._described({}, "").vcpu is None
