"""The calls of the scaler on moto, another implementation than the fake of the other tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.infra.moto_terraform import REGION, moto_server

from eddyline.aws.autoscaling_groups import AutoScalingGroups
from eddyline.aws.clients import open_client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

NAME = "eddyline-cpu-spot"


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with moto_server() as found:
        yield found


def create_group(address: str) -> Any:
    """A group as the module `pool` makes it, without machines; returns a client."""
    ec2 = open_client("ec2", endpoint=address, region=REGION)
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    template = ec2.create_launch_template(LaunchTemplateName=NAME, LaunchTemplateData={"ImageId": image})
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    client = open_client("autoscaling", endpoint=address, region=REGION)
    client.create_auto_scaling_group(
        AutoScalingGroupName=NAME,
        MinSize=0,
        MaxSize=20,
        VPCZoneIdentifier=subnet,
        NewInstancesProtectedFromScaleIn=True,
        MixedInstancesPolicy={
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {
                    "LaunchTemplateId": template["LaunchTemplate"]["LaunchTemplateId"],
                    "Version": "1",
                },
                "Overrides": [
                    {"InstanceType": "c6a.large", "WeightedCapacity": "1"},
                    {"InstanceType": "c7a.large", "WeightedCapacity": "1"},
                ],
            },
            "InstancesDistribution": {
                "OnDemandPercentageAboveBaseCapacity": 0,
                "SpotAllocationStrategy": "capacity-optimized",
            },
        },
    )
    return client


def test_a_group_is_scaled_and_its_types_are_ordered(address: str) -> None:
    groups = AutoScalingGroups(create_group(address))
    empty = groups.describe({NAME: True, "eddyline-cpu-od": False})
    assert list(empty) == [NAME]
    assert (empty[NAME].least, empty[NAME].most, empty[NAME].desired) == (0, 20, 0)
    assert empty[NAME].types == ("c6a.large", "c7a.large")
    groups.set_desired(NAME, 3)
    members = groups.describe({NAME: True})[NAME].members
    assert len(members) == 3
    assert all(each.counts and each.zone.startswith(REGION) for each in members)
    assert groups.end(members[1].instance)  # although it is protected from scale-in
    found = groups.describe({NAME: True})[NAME]
    assert found.desired == 2
    assert {each.instance for each in found.members if each.counts} == {
        members[0].instance,
        members[2].instance,
    }
    groups.set_type_order(found, ("c7a.large", "c6a.large"))
    after = groups.describe({NAME: True})[NAME]
    assert after.types == ("c7a.large", "c6a.large")
    distribution = after.policy["InstancesDistribution"]
    assert distribution["SpotAllocationStrategy"] == "capacity-optimized-prioritized"
    assert after.desired == 2
