"""The Auto Scaling groups of pools: what they are, and changes of their capacity and of their types' order.

Never run on AWS: tested with a fake of EC2 Auto Scaling and with moto.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from eddyline.aws.client_errors import translate_service_errors
from eddyline.fleet.groups.group import Group, Member
from eddyline.fleet.groups.type_order import PRIORITIZED

PERMISSIONS = (
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:SetDesiredCapacity",
    "autoscaling:TerminateInstanceInAutoScalingGroup",
    "autoscaling:UpdateAutoScalingGroup",
)
_REMEDY = f"allow this role {', '.join(PERMISSIONS)} on the groups of the pools"
_NAMES = 50  # in one call
_NO_INSTANCE = "Instance Id not found"
_DISTRIBUTION = (
    "OnDemandAllocationStrategy",
    "OnDemandBaseCapacity",
    "OnDemandPercentageAboveBaseCapacity",
    "SpotMaxPrice",
)


class AutoScalingGroups:
    """Calls of EC2 Auto Scaling. They raise `ServiceError`, or `AccessError` without permission."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - boto3's
        self._client = client

    def describe(self, names: Mapping[str, bool]) -> dict[str, Group]:
        """The groups with these names that exist; `names` maps each to whether it is a Spot group."""
        found: dict[str, Group] = {}
        left = iter(sorted(names))
        with translate_service_errors("describing the Auto Scaling groups", remedy=_REMEDY):
            while batch := list(islice(left, _NAMES)):
                pages = self._client.get_paginator("describe_auto_scaling_groups").paginate(
                    AutoScalingGroupNames=batch
                )
                for page in pages:
                    for each in page.get("AutoScalingGroups", ()):
                        name = str(each["AutoScalingGroupName"])
                        if name in names:
                            found[name] = _group(each, spot=names[name])
        return found

    def set_desired(self, group: str, desired: int) -> None:
        """Set the desired capacity, in the units of the group. It can be repeated."""
        with translate_service_errors(f"setting the capacity of {group} to {desired}", remedy=_REMEDY):
            self._client.set_desired_capacity(
                AutoScalingGroupName=group, DesiredCapacity=desired, HonorCooldown=False
            )

    def end(self, instance: str) -> bool:
        """End an instance through the hooks of its group, without a replacement; False: it has ended."""
        with translate_service_errors(f"ending {instance}", remedy=_REMEDY):
            try:
                self._client.terminate_instance_in_auto_scaling_group(
                    InstanceId=instance, ShouldDecrementDesiredCapacity=True
                )
            except ClientError as error:
                if _NO_INSTANCE in str(error):
                    return False
                raise
        return True

    def set_type_order(self, group: Group, types: Sequence[str]) -> None:
        """Make the order of types their priority, after capacity; the rest of the policy stays."""
        policy = group.policy
        overrides = policy.get("LaunchTemplate", {}).get("Overrides", ())
        distribution = policy.get("InstancesDistribution", {})
        kept = {key: distribution[key] for key in _DISTRIBUTION if key in distribution}
        template = policy.get("LaunchTemplate", {}).get("LaunchTemplateSpecification", {})
        with translate_service_errors(f"ordering the types of {group.name}", remedy=_REMEDY):
            self._client.update_auto_scaling_group(
                AutoScalingGroupName=group.name,
                MixedInstancesPolicy={
                    "LaunchTemplate": {
                        # Auto Scaling describes name and ID, and accepts only one of them.
                        "LaunchTemplateSpecification": _only(template, ("LaunchTemplateId", "Version")),
                        "Overrides": _ordered(overrides, types),
                    },
                    "InstancesDistribution": {**kept, "SpotAllocationStrategy": PRIORITIZED},
                },
            )


def _only(given: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key in keys}


def _ordered(overrides: Iterable[Mapping[str, Any]], types: Sequence[str]) -> list[Mapping[str, Any]]:
    places = {name: place for place, name in enumerate(types)}
    return sorted(overrides, key=lambda each: places.get(str(each.get("InstanceType")), len(places)))


def _group(given: Mapping[str, Any], *, spot: bool) -> Group:
    policy = given.get("MixedInstancesPolicy") or {}
    overrides = policy.get("LaunchTemplate", {}).get("Overrides", ())
    return Group(
        name=str(given["AutoScalingGroupName"]),
        spot=spot,
        least=int(given["MinSize"]),
        most=int(given["MaxSize"]),
        desired=int(given["DesiredCapacity"]),
        members=tuple(_member(each) for each in given.get("Instances", ())),
        zones=tuple(sorted(str(zone) for zone in given.get("AvailabilityZones", ()))),
        types=tuple(str(each["InstanceType"]) for each in overrides if each.get("InstanceType")),
        policy=policy,
    )


def _member(given: Mapping[str, Any]) -> Member:
    weight = str(given.get("WeightedCapacity") or "")
    return Member(
        instance=str(given["InstanceId"]),
        instance_type=str(given.get("InstanceType", "")),
        zone=str(given.get("AvailabilityZone", "")),
        state=str(given.get("LifecycleState", "")),
        weight=int(weight) if weight.isdecimal() else None,
    )
