"""The API of Amazon EC2 Auto Scaling on a modelled fleet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tests.servers.aws_api.pages import page
from tests.servers.aws_api.protocols import ApiError, Params
from tests.servers.fleet_model.fleet import CapacityError, FleetModel, NoActionError
from tests.servers.fleet_model.resources import Group, Instance

_RESULTS = {"CONTINUE", "ABANDON"}


def describe_auto_scaling_instances(fleet: FleetModel, params: Params, _now: float) -> Params:
    """Instances of groups that are not terminated; unknown ids are left out, as in AWS."""
    wanted = params.get("InstanceIds")
    found = [
        _instance(known) | {"AutoScalingGroupName": known.group}
        for known in fleet.instances.values()
        if known.group and known.lifecycle_state != "Terminated" and (wanted is None or known.id in wanted)
    ]
    items, token = page(found, params.get("MaxRecords", 50), params.get("NextToken"))
    return {"AutoScalingInstances": items, "NextToken": token}


def describe_auto_scaling_groups(fleet: FleetModel, params: Params, _now: float) -> Params:
    """All groups, or those named; unknown names are left out."""
    wanted = params.get("AutoScalingGroupNames")
    found = [_group(fleet, group) for name, group in fleet.groups.items() if not wanted or name in wanted]
    items, token = page(found, params.get("MaxRecords", 50), params.get("NextToken"))
    return {"AutoScalingGroups": items, "NextToken": token}


def describe_lifecycle_hooks(fleet: FleetModel, params: Params, _now: float) -> Params:
    """The hooks of a group."""
    group = _known(fleet, params["AutoScalingGroupName"])
    return {
        "LifecycleHooks": [
            {
                "LifecycleHookName": hook.name,
                "AutoScalingGroupName": group.name,
                "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
                "HeartbeatTimeout": int(hook.heartbeat_s),
                "GlobalTimeout": int(hook.longest_wait_s),
                "DefaultResult": hook.default_result,
            }
            for hook in group.hooks.values()
        ]
    }


def complete_lifecycle_action(fleet: FleetModel, params: Params, now: float) -> Params:
    """A second completion is a ValidationError."""
    if params["LifecycleActionResult"] not in _RESULTS:
        raise ApiError("ValidationError", "LifecycleActionResult must be CONTINUE or ABANDON")
    _known(fleet, params["AutoScalingGroupName"])
    instance, token = params.get("InstanceId", ""), params.get("LifecycleActionToken", "")
    try:
        fleet.complete(instance, token, params["LifecycleHookName"], params["LifecycleActionResult"], now)
    except NoActionError:
        raise _no_action(instance, token) from None
    return {}


def record_lifecycle_action_heartbeat(fleet: FleetModel, params: Params, now: float) -> Params:
    """Extends the wait by the heartbeat timeout, within 48 h and 100 timeouts from its start."""
    _known(fleet, params["AutoScalingGroupName"])
    instance, token = params.get("InstanceId", ""), params.get("LifecycleActionToken", "")
    try:
        fleet.heartbeat(instance, token, params["LifecycleHookName"], now)
    except NoActionError:
        raise _no_action(instance, token) from None
    return {}


def terminate_instance(fleet: FleetModel, params: Params, now: float) -> Params:
    """Through the group's hooks."""
    instance = params["InstanceId"]
    found = fleet.instances.get(instance)
    if found is None or not found.group or found.lifecycle_state == "Terminated":
        raise ApiError(
            "ValidationError",
            f"Instance Id not found - No managed instance found for instance ID: {instance}",
        )
    group = fleet.groups[found.group]
    decrement = params["ShouldDecrementDesiredCapacity"]
    if decrement and group.desired <= group.least:
        raise ApiError(
            "ValidationError",
            f"Currently, desiredSize equals minSize ({group.least}). Terminating instance without "
            "replacement will violate group's min size constraint. Either set "
            "shouldDecrementDesiredCapacity flag to false or lower group's min size.",
        )
    fleet.scale_in(instance, now, decrement=decrement, by_request=True)
    activity = {
        "ActivityId": "87654321-4321-4321-4321-210987654321",
        "AutoScalingGroupName": group.name,
        "Description": f"Terminating EC2 instance: {instance}",
        "Cause": found.cause,
        "StartTime": datetime.fromtimestamp(now, UTC),
        "StatusCode": "InProgress",
        "Progress": 0,
    }
    return {"Activity": activity}


def describe_scaling_activities(fleet: FleetModel, params: Params, _now: float) -> Params:
    """The activities of a group, the latest first."""
    wanted = params.get("AutoScalingGroupName")
    found = [
        {
            "ActivityId": f"{number:08d}-4321-4321-4321-210987654321",
            "AutoScalingGroupName": activity.group,
            "Description": activity.description,
            "Cause": activity.cause,
            "StartTime": datetime.fromtimestamp(activity.at, UTC),
            "StatusCode": "Failed" if activity.failed else "Successful",
            "StatusMessage": activity.failed,
            "Progress": 100,
        }
        for number, activity in enumerate(fleet.activities)
        if wanted in {None, activity.group}
    ]
    items, token = page(found[::-1], params.get("MaxRecords", 100), params.get("NextToken"))
    return {"Activities": items, "NextToken": token}


def set_desired_capacity(fleet: FleetModel, params: Params, _now: float) -> Params:
    """Within the bounds of the group."""
    _known(fleet, params["AutoScalingGroupName"])
    try:
        fleet.set_desired(params["AutoScalingGroupName"], params["DesiredCapacity"])
    except CapacityError as error:
        raise ApiError("ValidationError", str(error)) from None
    return {}


def update_auto_scaling_group(fleet: FleetModel, params: Params, _now: float) -> Params:
    """The order of types and the allocation strategy of a mixed instances policy; nothing else."""
    group = _known(fleet, params["AutoScalingGroupName"])
    policy = params["MixedInstancesPolicy"]
    template = policy["LaunchTemplate"]["LaunchTemplateSpecification"]
    if {"LaunchTemplateId", "LaunchTemplateName"} <= set(template):
        raise ApiError(
            "ValidationError", "Valid requests must contain either launchTemplateId or LaunchTemplateName"
        )
    types = tuple(each["InstanceType"] for each in policy["LaunchTemplate"]["Overrides"])
    if set(types) != set(group.types):
        raise ApiError("ValidationError", f"this fake keeps the types {sorted(group.types)}")
    group.types, group.strategy = types, policy["InstancesDistribution"]["SpotAllocationStrategy"]
    return {}


def set_instance_protection(fleet: FleetModel, params: Params, _now: float) -> Params:
    """Protect instances from scale-in."""
    for instance in params["InstanceIds"]:
        fleet.instances[instance].scale_in_protected = params["ProtectedFromScaleIn"]
    return {}


def _known(fleet: FleetModel, name: str) -> Group:
    if name not in fleet.groups:
        raise ApiError("ValidationError", f"AutoScalingGroup name not found - null: {name}")
    return fleet.groups[name]


def _no_action(instance: str, token: str) -> ApiError:
    of = f"token {token}" if token else f"instance ID {instance}"
    return ApiError("ValidationError", f"No active Lifecycle Action found with {of}")


def _instance(found: Instance) -> Params:
    return {
        "InstanceId": found.id,
        "InstanceType": found.type,
        "AvailabilityZone": found.zone,
        "LifecycleState": found.lifecycle_state,
        "HealthStatus": "HEALTHY" if found.state == "running" else "UNHEALTHY",
        "ProtectedFromScaleIn": found.scale_in_protected,
    }


def _group(fleet: FleetModel, group: Group) -> Params:
    members = [
        _instance(found) | {"WeightedCapacity": str(group.weights.get(found.type, 1))}
        for found in fleet.instances.values()
        if found.group == group.name and found.lifecycle_state != "Terminated"
    ]
    return _policy(group) | {
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group.arn,
        "MinSize": group.least,
        "MaxSize": group.most,
        "DesiredCapacity": group.desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": sorted({str(member["AvailabilityZone"]) for member in members}),
        "HealthCheckType": "EC2",
        "CreatedTime": datetime.fromtimestamp(0, UTC),
        "Instances": members,
        "SuspendedProcesses": [
            {"ProcessName": name, "SuspensionReason": "User suspended"} for name in sorted(group.suspended)
        ],
        "Tags": [
            {
                "ResourceId": group.name,
                "ResourceType": "auto-scaling-group",
                "Key": key,
                "Value": value,
                "PropagateAtLaunch": True,
            }
            for key, value in group.tags.items()
        ],
    }


def _policy(group: Group) -> Params:
    if not group.types:
        return {}
    return {
        "MixedInstancesPolicy": {
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {
                    "LaunchTemplateId": "lt-0123456789abcdef0",
                    "LaunchTemplateName": group.name,
                    "Version": "3",
                },
                "Overrides": [
                    {"InstanceType": name, "WeightedCapacity": str(group.weights.get(name, 1))}
                    for name in group.types
                ],
            },
            "InstancesDistribution": {
                "OnDemandAllocationStrategy": "lowest-price",
                "OnDemandBaseCapacity": 0,
                "OnDemandPercentageAboveBaseCapacity": 0,
                "SpotAllocationStrategy": group.strategy,
            },
        }
    }


OPERATIONS: dict[str, Callable[[FleetModel, Params, float], Params]] = {
    "DescribeAutoScalingInstances": describe_auto_scaling_instances,
    "DescribeAutoScalingGroups": describe_auto_scaling_groups,
    "DescribeScalingActivities": describe_scaling_activities,
    "DescribeLifecycleHooks": describe_lifecycle_hooks,
    "CompleteLifecycleAction": complete_lifecycle_action,
    "RecordLifecycleActionHeartbeat": record_lifecycle_action_heartbeat,
    "TerminateInstanceInAutoScalingGroup": terminate_instance,
    "SetDesiredCapacity": set_desired_capacity,
    "SetInstanceProtection": set_instance_protection,
    "UpdateAutoScalingGroup": update_auto_scaling_group,
}
