"""The API calls of each Lambda function and the resources that they are made on: the base of its IAM policy.

Terraform's policies are compared with this table, and a test compares it with the calls that the functions
make. Not in the table, and also needed: writing to the function's own log group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from eddyline.fleet.names import GENERAL_DRAIN, SPOT_DRAIN, SPOT_METRICS


class Resource(StrEnum):
    """The resources of an action, as a suffix of ARNs; `PREFIX` is the prefix of the fleet.

    `ALL`: AWS defines no resource level for the action, so the policy must use `*`.
    """

    ALL = "*"
    CLUSTERS = "cluster/PREFIX-*"
    CONTAINER_INSTANCES = "container-instance/PREFIX-*/*"
    TASKS = "task/PREFIX-*/*"
    GROUPS = "autoScalingGroup:*:autoScalingGroupName/PREFIX-*"
    SPOT_GROUPS = "autoScalingGroup:*:autoScalingGroupName/PREFIX-*-spot"
    FLEET_QUEUE = "PREFIX-fleet"
    DRAIN_QUEUE = "PREFIX-drain"
    SPOT_DRAIN_QUEUE = "PREFIX-spot-drain"
    SPOT_METRICS_QUEUE = "PREFIX-spot-metrics"


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One action, such as "ecs:ListTasks", with its resources. `by_lambda`: called by the Lambda service.

    An event source mapping receives and deletes the messages of its queue with the role of the function.
    """

    action: str
    resource: Resource
    by_lambda: bool = False


def _source(queue: Resource) -> tuple[Permission, ...]:
    actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    return tuple(Permission(action=action, resource=queue, by_lambda=True) for action in actions)


PERMISSIONS: Mapping[str, tuple[Permission, ...]] = {
    GENERAL_DRAIN: (
        Permission(action="autoscaling:DescribeAutoScalingInstances", resource=Resource.ALL),
        Permission(action="autoscaling:RecordLifecycleActionHeartbeat", resource=Resource.GROUPS),
        Permission(action="autoscaling:CompleteLifecycleAction", resource=Resource.GROUPS),
        Permission(action="ecs:ListContainerInstances", resource=Resource.CLUSTERS),
        Permission(action="ecs:DescribeContainerInstances", resource=Resource.CONTAINER_INSTANCES),
        Permission(action="ecs:UpdateContainerInstancesState", resource=Resource.CONTAINER_INSTANCES),
        Permission(action="ecs:PutAttributes", resource=Resource.CONTAINER_INSTANCES),
        Permission(action="ecs:ListTasks", resource=Resource.CONTAINER_INSTANCES),
        Permission(action="ecs:DescribeTasks", resource=Resource.TASKS),
        Permission(action="sqs:SendMessage", resource=Resource.FLEET_QUEUE),
        Permission(action="sqs:SendMessage", resource=Resource.DRAIN_QUEUE),
        *_source(Resource.DRAIN_QUEUE),
    ),
    SPOT_DRAIN: (
        Permission(action="autoscaling:DescribeAutoScalingInstances", resource=Resource.ALL),
        # Only where a pool replaces instances on a rebalance recommendation:
        Permission(action="autoscaling:DescribeScalingActivities", resource=Resource.ALL),
        Permission(action="autoscaling:TerminateInstanceInAutoScalingGroup", resource=Resource.SPOT_GROUPS),
        Permission(action="ec2:DescribeInstances", resource=Resource.ALL),
        Permission(action="ecs:ListContainerInstances", resource=Resource.CLUSTERS),
        Permission(action="ecs:UpdateContainerInstancesState", resource=Resource.CONTAINER_INSTANCES),
        Permission(action="sqs:SendMessage", resource=Resource.FLEET_QUEUE),
        *_source(Resource.SPOT_DRAIN_QUEUE),
    ),
    SPOT_METRICS: (
        Permission(action="ec2:DescribeInstances", resource=Resource.ALL),
        Permission(action="sqs:SendMessage", resource=Resource.FLEET_QUEUE),
        *_source(Resource.SPOT_METRICS_QUEUE),
    ),
}
"""The permissions of each function, by the function's name without the prefix."""
