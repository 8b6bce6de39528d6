"""The EventBridge events of a fleet, in the form that AWS documents. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.servers.fleet_model.resources import (
    ACCOUNT,
    REGION,
    ContainerInstance,
    Group,
    Instance,
    LifecycleAction,
    Task,
)

Event = dict[str, Any]


def iso(at: float) -> str:
    """A time as EventBridge writes it: UTC, whole seconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def envelope(
    kind: str,
    detail: Mapping[str, Any],
    *,
    event_id: str,
    source: str,
    at: float,
    resources: Sequence[str] = (),
) -> Event:
    """An event with EventBridge's envelope."""
    return {
        "version": "0",
        "id": event_id,
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": iso(at),
        "region": REGION,
        "resources": list(resources),
        "detail": dict(detail),
    }


class Events:
    """Builds events; `new_id` returns a new event id each time."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id

    def _event(self, kind: str, detail: Mapping[str, Any], source: str, at: float, *resources: str) -> Event:
        return envelope(kind, detail, event_id=self._new_id(), source=source, at=at, resources=resources)

    def interruption(self, instance: Instance, at: float, action: str = "terminate") -> Event:
        """Spot will end the instance: two minutes after `at`, or at once for hibernate."""
        detail = {"instance-id": instance.id, "instance-action": action}
        # The form of this ARN differs from that of other events (a zone in place of the account).
        arn = f"arn:aws:ec2:{instance.zone}:instance/{instance.id}"
        return self._event("EC2 Spot Instance Interruption Warning", detail, "aws.ec2", at, arn)

    def rebalance(self, instance: Instance, at: float) -> Event:
        """The instance is at elevated risk of interruption."""
        detail = {"instance-id": instance.id}
        arn = f"arn:aws:ec2:{instance.zone}:instance/{instance.id}"
        return self._event("EC2 Instance Rebalance Recommendation", detail, "aws.ec2", at, arn)

    def state_change(self, instance: Instance, state: str, at: float) -> Event:
        """The instance entered `state`."""
        detail = {"instance-id": instance.id, "state": state}
        return self._event("EC2 Instance State-change Notification", detail, "aws.ec2", at, instance.arn)

    def terminate_action(self, action: LifecycleAction, group: Group, at: float) -> Event:
        """An instance waits in Terminating:Wait for the completion of a hook."""
        detail = {
            "LifecycleActionToken": action.token,
            "AutoScalingGroupName": action.group,
            "LifecycleHookName": action.hook.name,
            "EC2InstanceId": action.instance,
            "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
            "Origin": "AutoScalingGroup",
            "Destination": "EC2",
        }
        return self._event(
            "EC2 Instance-terminate Lifecycle Action", detail, "aws.autoscaling", at, group.arn
        )

    def test_notification(self, group: Group, at: float) -> Event:
        """What Auto Scaling sends when a hook is created."""
        detail = {"LifecycleTransition": "autoscaling:TEST_NOTIFICATION", "AutoScalingGroupName": group.name}
        return self._event(
            "EC2 Instance-terminate Lifecycle Action", detail, "aws.autoscaling", at, group.arn
        )

    def run_instances(self, instances: Sequence[Instance], at: float) -> Event:
        """CloudTrail's record of a RunInstances call."""
        detail = {
            "eventVersion": "1.08",
            "userIdentity": {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"},
            "eventTime": iso(at),
            "eventSource": "ec2.amazonaws.com",
            "eventName": "RunInstances",
            "awsRegion": REGION,
            "requestParameters": {"instancesSet": {"items": [{"minCount": 1, "maxCount": 1}]}},
            "responseElements": {
                "reservationId": "r-0123456789abcdef0",
                "instancesSet": {"items": [_item(instance) for instance in instances]},
            },
            "eventType": "AwsApiCall",
        }
        return self._event("AWS API Call via CloudTrail", detail, "aws.ec2", at)

    def spot_fulfillment(self, instance: Instance, at: float) -> Event:
        """A Spot request got the instance."""
        detail = {"spot-instance-request-id": f"sir-{instance.id[2:10]}", "instance-id": instance.id}
        arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:spot-instances-request/sir-{instance.id[2:10]}"
        return self._event("EC2 Spot Instance Request Fulfillment", detail, "aws.ec2", at, arn)

    def launch_successful(self, instance: Instance, group: Group, at: float) -> Event:
        """The group launched the instance."""
        detail = _activity(
            group, instance.id, at, f"Launching a new EC2 instance: {instance.id}", zone=instance.zone
        )
        moved = {"StatusCode": "InProgress", "Origin": "EC2", "Destination": "AutoScalingGroup"}
        return self._event(
            "EC2 Instance Launch Successful",
            detail | moved,
            "aws.autoscaling",
            at,
            group.arn,
            instance.arn,
        )

    def launch_unsuccessful(self, group: Group, message: str, at: float, *, zone: str = "") -> Event:
        """The group could not launch an instance; `message` names the reason."""
        detail = _activity(group, "", at, "Launching a new EC2 instance", zone=zone)
        moved = {"StatusCode": "Failed", "StatusMessage": message}
        return self._event(
            "EC2 Instance Launch Unsuccessful", detail | moved, "aws.autoscaling", at, group.arn
        )

    def terminate_successful(self, instance: Instance, group: Group, at: float) -> Event:
        """The group terminated the instance."""
        detail = _activity(
            group, instance.id, at, f"Terminating EC2 instance: {instance.id}", zone=instance.zone
        )
        moved = {"StatusCode": "InProgress", "Origin": "AutoScalingGroup", "Destination": "EC2"}
        moved |= {"Cause": instance.cause}
        return self._event(
            "EC2 Instance Terminate Successful",
            detail | moved,
            "aws.autoscaling",
            at,
            group.arn,
            instance.arn,
        )

    def scheduled_change(self, instance: Instance, starts_at: float, at: float) -> Event:
        """AWS Health: the instance will be retired at `starts_at`."""
        written = datetime.fromtimestamp(starts_at, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        code = "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED"
        detail = {
            "eventArn": f"arn:aws:health:{REGION}::event/EC2/{code}/0123",
            "service": "EC2",
            "eventTypeCode": code,
            "eventTypeCategory": "scheduledChange",
            "startTime": written,
            "eventDescription": [{"language": "en_US", "latestDescription": "The instance is retired."}],
            "affectedEntities": [{"entityValue": instance.id, "tags": {}}],
        }
        return self._event("AWS Health Event", detail, "aws.health", at, instance.id)

    def container_instance(self, found: ContainerInstance, running: int, at: float) -> Event:
        """A container instance changed; ECS repeats such events, `version` tells them apart."""
        detail = {
            "agentConnected": found.agent_connected,
            "clusterArn": cluster_arn(found.cluster),
            "containerInstanceArn": found.arn,
            "ec2InstanceId": found.instance,
            "pendingTasksCount": 0,
            "registeredAt": iso(found.registered_at),
            "runningTasksCount": running,
            "status": found.status,
            "version": found.version,
            "updatedAt": iso(at),
        }
        return self._event("ECS Container Instance State Change", detail, "aws.ecs", at, found.arn)

    def task(self, task: Task, at: float) -> Event:
        """A task changed."""
        detail = {
            "clusterArn": cluster_arn(task.cluster),
            "containerInstanceArn": task.container_instance,
            "desiredStatus": task.desired_status,
            "group": f"service:{task.service}",
            "lastStatus": task.last_status,
            "launchType": "EC2",
            "taskArn": task.arn,
            "taskDefinitionArn": task.definition,
            "updatedAt": iso(at),
            "version": task.version,
        }
        if task.stop_code:
            detail |= {"stopCode": task.stop_code, "stoppedReason": task.stopped_reason}
        return self._event("ECS Task State Change", detail, "aws.ecs", at, task.arn)


def cluster_arn(cluster: str) -> str:
    """The ARN of a cluster."""
    return f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{cluster}"


def _item(instance: Instance) -> Event:
    tags = [{"key": key, "value": value} for key, value in instance.tags.items()]
    lifecycle = {"instanceLifecycle": "spot"} if instance.spot else {}
    return {
        "instanceId": instance.id,
        "instanceType": instance.type,
        "placement": {"availabilityZone": instance.zone, "tenancy": "default"},
        "instanceState": {"code": 0, "name": "pending"},
        "tagSet": {"items": tags},
        **lifecycle,
    }


def _activity(group: Group, instance: str, at: float, description: str, *, zone: str) -> Event:
    found: Event = {
        "Description": description,
        "AutoScalingGroupName": group.name,
        "ActivityId": "87654321-4321-4321-4321-210987654321",
        "RequestId": "12345678-1234-1234-1234-123456789012",
        "StatusMessage": "",
        "StartTime": iso(at),
        "EndTime": iso(at),
        "Cause": "a change of the desired capacity",
        "Details": {"Availability Zone": zone, "Subnet ID": "subnet-0123456789abcdef0"},
    }
    return found | ({"EC2InstanceId": instance} if instance else {})
