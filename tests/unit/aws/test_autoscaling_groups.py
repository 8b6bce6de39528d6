"""Auto Scaling groups over HTTP, on a modelled fleet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.servers.aws_control_plane import KEYS, ControlPlane, control_plane
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import REGION, Group

from eddyline.aws.autoscaling_groups import AutoScalingGroups
from eddyline.aws.client_errors import AccessError, ServiceError
from eddyline.aws.clients import open_client
from eddyline.fleet.groups.group import Member

SPOT = "eddyline-cpu-spot"


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPlane]:
    for name in ("aws_access_key_id", "aws_secret_access_key"):
        monkeypatch.setenv(name.upper(), KEYS[name])
    fleet = FleetModel(effects=Recorded())
    weights = {"c6a.large": 2, "c7a.large": 2}
    fleet.add_group(
        Group(name=SPOT, desired=4, least=2, most=20, weights=weights, types=("c6a.large", "c7a.large"))
    )
    fleet.launch(0.0, type="c7a.large", group=SPOT)
    with control_plane(fleet) as running:
        yield running


@pytest.fixture
def groups(plane: ControlPlane) -> AutoScalingGroups:
    return AutoScalingGroups(open_client("autoscaling", endpoint=plane.url, region=REGION))


def test_groups_are_described_and_missing_ones_left_out(groups: AutoScalingGroups) -> None:
    found = groups.describe({SPOT: True, "eddyline-cpu-od": False})
    assert list(found) == [SPOT]
    group = found[SPOT]
    assert (group.spot, group.least, group.most, group.desired) == (True, 2, 20, 4)
    assert group.types == ("c6a.large", "c7a.large")
    assert group.zones == ("us-east-1a",)
    (only,) = group.members
    assert only == Member(
        instance=only.instance, instance_type="c7a.large", zone="us-east-1a", state="InService", weight=2
    )
    assert only.counts


def test_many_groups_take_several_calls(plane: ControlPlane, groups: AutoScalingGroups) -> None:
    names = {f"eddyline-{number}-od": False for number in range(120)}
    for name in names:
        plane.fleet.add_group(Group(name=name))
    assert set(groups.describe(names)) == set(names)
    assert len(plane.calls_of("DescribeAutoScalingGroups")) == 3


def test_the_desired_capacity_is_set_within_the_bounds_of_the_group(
    plane: ControlPlane, groups: AutoScalingGroups
) -> None:
    groups.set_desired(SPOT, 10)
    assert plane.fleet.groups[SPOT].desired == 10
    with pytest.raises(ServiceError, match="above max value"):
        groups.set_desired(SPOT, 21)


def test_an_instance_is_ended_once_and_without_a_replacement(
    plane: ControlPlane, groups: AutoScalingGroups
) -> None:
    (name,) = (each.id for each in plane.fleet.members(SPOT))
    assert groups.end(name)
    assert plane.fleet.groups[SPOT].desired == 2
    assert not groups.end(name)
    assert not groups.end("i-0000000000000ffff")


def test_the_order_of_types_changes_and_the_rest_of_the_policy_stays(
    plane: ControlPlane, groups: AutoScalingGroups
) -> None:
    group = groups.describe({SPOT: True})[SPOT]
    groups.set_type_order(group, ("c7a.large", "c6a.large"))
    (sent,) = plane.calls_of("UpdateAutoScalingGroup")
    policy = sent["MixedInstancesPolicy"]
    assert policy["LaunchTemplate"] == {
        "LaunchTemplateSpecification": {"LaunchTemplateId": "lt-0123456789abcdef0", "Version": "3"},
        "Overrides": [
            {"InstanceType": "c7a.large", "WeightedCapacity": "2"},
            {"InstanceType": "c6a.large", "WeightedCapacity": "2"},
        ],
    }
    before = group.policy["InstancesDistribution"]
    strategy = {"SpotAllocationStrategy": "capacity-optimized-prioritized"}
    assert policy["InstancesDistribution"] == {**before, **strategy}
    assert groups.describe({SPOT: True})[SPOT].types == ("c7a.large", "c6a.large")


def test_errors_are_classified(plane: ControlPlane, groups: AutoScalingGroups) -> None:
    plane.fail("autoscaling", "DescribeAutoScalingGroups", "AccessDenied", times=5, status=403)
    with pytest.raises(AccessError, match="AccessDenied") as caught:
        groups.describe({SPOT: True})
    assert "autoscaling:SetDesiredCapacity" in str(caught.value.remedy)
