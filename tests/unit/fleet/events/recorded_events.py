"""Events in the form that AWS documents, one or more of each kind, for tests."""

from __future__ import annotations

from typing import Any

ID = "i-0123456789abcdef0"
OTHER = "i-0fedcba9876543210"
WHEN = "2026-03-01T12:00:00Z"
AT = 1_772_366_400.0
TOKEN = "87654321-4321-4321-4321-210987654321"  # noqa: S105 - an example, not a secret
GROUP = "eddyline-cpu-spot"
ACTIVITY = "1e5a863d-9a6f-4c2a-b4c5-000000000001"
_ECS = "arn:aws:ecs:eu-central-1:123456789012"
CLUSTER = f"{_ECS}:cluster/eddyline-cpu"
CONTAINER_INSTANCE = f"{_ECS}:container-instance/eddyline-cpu/b54a2a04046f4331a9d74481d7f6d7f6"
TASK = f"{_ECS}:task/eddyline-cpu/3d0d5f0e2b2f4b4f9f1d0c3f1e9a7c11"


def event(detail_type: str, detail: dict[str, Any], source: str = "aws.ec2", **more: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "12345678-1234-1234-1234-123456789012",
        "detail-type": detail_type,
        "source": source,
        "account": "123456789012",
        "time": WHEN,
        "region": "eu-central-1",
        "resources": [f"arn:aws:ec2:eu-central-1b:instance/{ID}"],
        "detail": detail,
        **more,
    }


def warning(instance: str = ID, action: str = "terminate", **more: Any) -> dict[str, Any]:
    detail = {"instance-id": instance, "instance-action": action}
    return event("EC2 Spot Instance Interruption Warning", detail, **more)


def rebalance(instance: str = ID, **more: Any) -> dict[str, Any]:
    return event("EC2 Instance Rebalance Recommendation", {"instance-id": instance}, **more)


def lifecycle(instance: str = ID, group: str = GROUP, token: str = TOKEN, **more: Any) -> dict[str, Any]:
    detail = {
        "LifecycleActionToken": token,
        "AutoScalingGroupName": group,
        "LifecycleHookName": "eddyline-drain",
        "EC2InstanceId": instance,
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "Origin": "AutoScalingGroup",
        "Destination": "EC2",
        **more,
    }
    return event("EC2 Instance-terminate Lifecycle Action", detail, "aws.autoscaling")


def group_activity(kind: str, instance: str = ID, group: str = GROUP, **more: Any) -> dict[str, Any]:
    """A launch or termination event of a group; `kind` is "Launch Successful" and the like."""
    detail = {
        "StatusCode": "InProgress" if kind.endswith(" Successful") else "Failed",
        "Description": f"{kind}: {instance}",
        "AutoScalingGroupName": group,
        "ActivityId": ACTIVITY,
        "Details": {"Availability Zone": "eu-central-1b", "Subnet ID": "subnet-12345678"},
        "RequestId": ACTIVITY,
        "StatusMessage": "",
        "EndTime": WHEN,
        "EC2InstanceId": instance,
        "StartTime": WHEN,
        "Cause": "At 2026-03-01T11:59:00Z an instance was started in response to a difference.",
        "Origin": "EC2",
        "Destination": "AutoScalingGroup",
        **more,
    }
    return event(f"EC2 Instance {kind}", detail, "aws.autoscaling")


def state_change(state: str, instance: str = ID, **more: Any) -> dict[str, Any]:
    detail = {"instance-id": instance, "state": state}
    return event("EC2 Instance State-change Notification", detail, **more)


def run_instances(instance: str = ID, group: str = GROUP, pool: str = "cpu") -> dict[str, Any]:
    detail = {
        "eventVersion": "1.08",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "RunInstances",
        "requestParameters": {
            "tagSpecificationSet": {
                "items": [
                    {
                        "resourceType": "instance",
                        "tags": [
                            {"key": "aws:autoscaling:groupName", "value": group},
                            {"key": "eddyline:pool", "value": pool},
                            {"key": "eddyline:prefix", "value": "eddyline"},
                        ],
                    },
                    {"resourceType": "volume", "tags": [{"key": "eddyline:pool", "value": "of-the-volume"}]},
                ]
            }
        },
        "responseElements": {
            "instancesSet": {
                "items": [
                    {
                        "instanceId": instance,
                        "instanceType": "c7a.8xlarge",
                        "placement": {"availabilityZone": "eu-central-1b"},
                        "instanceLifecycle": "spot",
                    }
                ]
            }
        },
    }
    return event("AWS API Call via CloudTrail", detail)


def fulfillment(instance: str = ID) -> dict[str, Any]:
    detail = {"spot-instance-request-id": "sir-1a2b3c4d", "instance-id": instance}
    return event("EC2 Spot Instance Request Fulfillment", detail)


def health(*instances: str, **more: Any) -> dict[str, Any]:
    detail = {
        "eventArn": "arn:aws:health:eu-central-1::event/EC2/AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED/x-1",
        "service": "EC2",
        "eventTypeCode": "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED",
        "eventTypeCategory": "scheduledChange",
        "startTime": "Sun, 15 Mar 2026 12:00:00 GMT",
        "endTime": "Sun, 15 Mar 2026 14:00:00 GMT",
        "eventDescription": [{"language": "en_US", "latestDescription": "The instance is retired."}],
        "affectedEntities": [{"entityValue": each, "status": "PENDING"} for each in instances or (ID,)],
        **more,
    }
    return event("AWS Health Event", detail, "aws.health")


def container_instance_change(version: int = 5, status: str = "ACTIVE", **more: Any) -> dict[str, Any]:
    detail = {
        "agentConnected": True,
        "clusterArn": CLUSTER,
        "containerInstanceArn": CONTAINER_INSTANCE,
        "ec2InstanceId": ID,
        "status": status,
        "version": version,
        "updatedAt": WHEN,
        **more,
    }
    return event("ECS Container Instance State Change", detail, "aws.ecs")


def task_change(version: int = 3, last_status: str = "STOPPED", **more: Any) -> dict[str, Any]:
    detail = {
        "clusterArn": CLUSTER,
        "containerInstanceArn": CONTAINER_INSTANCE,
        "desiredStatus": "STOPPED",
        "lastStatus": last_status,
        "stopCode": "ServiceSchedulerInitiated",
        "stoppedReason": "Container instance is draining",
        "taskArn": TASK,
        "version": version,
        **more,
    }
    return event("ECS Task State Change", detail, "aws.ecs")


ALL: list[dict[str, Any]] = [
    warning(),
    warning(action="hibernate"),
    rebalance(),
    lifecycle(),
    state_change("running"),
    state_change("terminated"),
    state_change("stopping"),
    run_instances(),
    fulfillment(),
    *(
        group_activity(kind)
        for kind in (
            "Launch Successful",
            "Launch Unsuccessful",
            "Terminate Successful",
            "Terminate Unsuccessful",
        )
    ),
    health(ID, OTHER),
    container_instance_change(),
    task_change(),
    {"Event": "autoscaling:TEST_NOTIFICATION", "Service": "AWS Auto Scaling"},
]
