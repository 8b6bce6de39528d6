"""The fake control plane: boto3 talks to it over HTTP, in every protocol."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.servers.aws_api.token_bucket import TokenBucket
from tests.servers.aws_control_plane import ControlPlane, control_plane
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import DaemonService, Group, Hook

from eddyline.core.clock import ManualClock

GROUP = "eddyline-cpu-spot"
TAGS = {"eddyline:prefix": "eddyline", "eddyline:pool": "cpu", "eddyline:purchase": "spot"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_700_000_000.0)


@pytest.fixture
def plane(clock: ManualClock) -> Iterator[ControlPlane]:
    fleet = FleetModel(effects=Recorded())
    fleet.add_group(
        Group(
            name=GROUP, desired=36, most=72, hooks={"drain": Hook(name="drain", heartbeat_s=900)}, tags=TAGS
        )
    )
    fleet.containers.add_service(
        DaemonService(name="eddyline-cpu", cluster="eddyline-cpu", family="eddyline-cpu")
    )
    with control_plane(fleet, clock=clock.now) as running:
        yield running


def member(plane: ControlPlane, clock: ManualClock, **settings: Any) -> str:
    instance = plane.fleet.launch(clock.now(), group=GROUP, **settings)
    plane.fleet.containers.register(instance, "eddyline-cpu", clock.now())
    return instance.id


def error_of(call: Any, **params: Any) -> str:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as raised:
        call(**params)
    return str(raised.value.response["Error"]["Code"])


def test_a_container_instance_is_found_by_its_instance_and_drained(
    plane: ControlPlane, clock: ManualClock
) -> None:
    instance = member(plane, clock)
    ecs = plane.client("ecs")
    found = ecs.list_container_instances(cluster="eddyline-cpu", filter=f"ec2InstanceId == {instance}")
    (arn,) = found["containerInstanceArns"]
    (described,) = ecs.describe_container_instances(cluster="eddyline-cpu", containerInstances=[arn])[
        "containerInstances"
    ]
    assert described["ec2InstanceId"] == instance
    assert described["runningTasksCount"] == 1
    for _ in range(2):
        drained = ecs.update_container_instances_state(
            cluster="eddyline-cpu", containerInstances=[arn], status="DRAINING"
        )
        assert [item["status"] for item in drained["containerInstances"]] == ["DRAINING"]
        assert drained["failures"] == []
    assert ecs.list_container_instances(cluster="eddyline-cpu", status="DRAINING")[
        "containerInstanceArns"
    ] == [arn]
    # Its task stops: it no longer counts as running, but its container may still run.
    assert ecs.list_tasks(cluster="eddyline-cpu", containerInstance=arn)["taskArns"] == []
    (task,) = ecs.list_tasks(cluster="eddyline-cpu", containerInstance=arn, desiredStatus="STOPPED")[
        "taskArns"
    ]
    (described,) = ecs.describe_tasks(cluster="eddyline-cpu", tasks=[task])["tasks"]
    assert described["lastStatus"] == "STOPPING"
    plane.fleet.containers.task_exited(task, 0, clock.now())
    assert (
        ecs.describe_tasks(cluster="eddyline-cpu", tasks=[task])["tasks"][0]["lastStatus"] == "DEPROVISIONING"
    )
    clock.advance(5)
    plane.fleet.advance(clock.now())
    assert ecs.describe_tasks(cluster="eddyline-cpu", tasks=[task])["tasks"][0]["lastStatus"] == "STOPPED"


def test_attributes_of_a_container_instance_are_kept(plane: ControlPlane, clock: ManualClock) -> None:
    (known,) = plane.fleet.containers.of_instance(member(plane, clock))
    ecs = plane.client("ecs")
    attribute = {"name": "owner", "value": "1", "targetType": "container-instance", "targetId": known.arn}
    ecs.put_attributes(cluster="eddyline-cpu", attributes=[attribute])
    (found,) = ecs.describe_container_instances(cluster="eddyline-cpu", containerInstances=[known.arn])[
        "containerInstances"
    ]
    assert {"name": "owner", "value": "1"} in found["attributes"]
    unknown = {**attribute, "targetId": "ffff"}
    code = error_of(ecs.put_attributes, cluster="eddyline-cpu", attributes=[unknown])
    assert code == "TargetNotFoundException"


def test_unknown_and_inactive_container_instances_and_too_many_are_refused(
    plane: ControlPlane, clock: ManualClock
) -> None:
    instance = member(plane, clock)
    (known,) = plane.fleet.containers.of_instance(instance)
    plane.fleet.reclaim(instance, clock.now())
    ecs = plane.client("ecs")
    failures = ecs.update_container_instances_state(
        cluster="eddyline-cpu", containerInstances=[known.arn, "ffff"], status="DRAINING"
    )["failures"]
    assert {failure["reason"] for failure in failures} == {"INACTIVE", "MISSING"}
    call = ecs.update_container_instances_state
    eleven = [f"{number:032x}" for number in range(11)]
    assert error_of(call, cluster="eddyline-cpu", containerInstances=eleven, status="DRAINING") == (
        "InvalidParameterException"
    )
    assert error_of(ecs.list_tasks, cluster="other") == "ClusterNotFoundException"


def test_a_lifecycle_action_is_completed_once(plane: ControlPlane, clock: ManualClock) -> None:
    instance = member(plane, clock)
    scaling = plane.client("autoscaling")
    scaling.terminate_instance_in_auto_scaling_group(InstanceId=instance, ShouldDecrementDesiredCapacity=True)
    (found,) = scaling.describe_auto_scaling_instances(InstanceIds=[instance, "i-0123"])[
        "AutoScalingInstances"
    ]
    assert found["LifecycleState"] == "Terminating:Wait"
    activities = scaling.describe_scaling_activities(AutoScalingGroupName=GROUP)["Activities"]
    assert activities[0]["Description"] == f"Terminating EC2 instance: {instance}"
    assert "user request, shrinking the capacity from 36 to 35" in activities[0]["Cause"]
    action = {"AutoScalingGroupName": GROUP, "LifecycleHookName": "drain", "InstanceId": instance}
    clock.advance(800)
    scaling.record_lifecycle_action_heartbeat(**action)
    clock.advance(800)
    plane.fleet.advance(clock.now())
    assert plane.fleet.instances[instance].lifecycle_state == "Terminating:Wait"
    scaling.complete_lifecycle_action(**action, LifecycleActionResult="CONTINUE")
    assert plane.fleet.instances[instance].state == "terminated"
    code = error_of(scaling.complete_lifecycle_action, **action, LifecycleActionResult="CONTINUE")
    assert code == "ValidationError"
    assert error_of(scaling.record_lifecycle_action_heartbeat, **action) == "ValidationError"
    assert plane.fleet.accepted_completions(instance) == 1
    assert len(plane.fleet.completions) == 2
    assert len(plane.calls_of("CompleteLifecycleAction")) == 1


def test_a_group_is_described_with_its_members_and_bounded(plane: ControlPlane, clock: ManualClock) -> None:
    instance = member(plane, clock)
    scaling = plane.client("autoscaling")
    (group,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"]
    assert [found["InstanceId"] for found in group["Instances"]] == [instance]
    assert {tag["Key"]: tag["Value"] for tag in group["Tags"]} == TAGS
    scaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=72)
    assert plane.fleet.groups[GROUP].desired == 72
    call = scaling.set_desired_capacity
    assert error_of(call, AutoScalingGroupName=GROUP, DesiredCapacity=73) == "ValidationError"
    assert error_of(call, AutoScalingGroupName="other", DesiredCapacity=1) == "ValidationError"


def test_instances_are_described_by_tag_in_pages_and_by_id(plane: ControlPlane, clock: ManualClock) -> None:
    members = {member(plane, clock) for _ in range(7)}
    plane.fleet.launch(clock.now(), instance="i-0000000000f0e1a2b")
    ec2 = plane.client("ec2")
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": "tag:eddyline:prefix", "Values": ["eddyline"]}],
        PaginationConfig={"PageSize": 5},
    )
    found = [
        instance
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    ]
    assert {instance["InstanceId"] for instance in found} == members
    assert {instance["InstanceLifecycle"] for instance in found} == {"spot"}
    assert found[0]["LaunchTime"] == datetime.fromtimestamp(clock.now(), UTC)
    assert len(plane.calls_of("DescribeInstances")) == 2
    code = error_of(ec2.describe_instances, InstanceIds=["i-0123456789abcdef0"])
    assert code == "InvalidInstanceID.NotFound"


def test_spot_prices_are_described_by_type_and_zone(plane: ControlPlane) -> None:
    plane.fleet.spot_prices = {("c5.9xlarge", "us-east-1a"): 0.61, ("m5.8xlarge", "us-east-1b"): 0.5}
    ec2 = plane.client("ec2")
    found = ec2.describe_spot_price_history(InstanceTypes=["c5.9xlarge"])["SpotPriceHistory"]
    assert [(item["InstanceType"], item["SpotPrice"]) for item in found] == [("c5.9xlarge", "0.610000")]


@pytest.mark.parametrize("points", [1, 400])  # large requests are compressed
def test_metric_data_is_recorded(plane: ControlPlane, points: int) -> None:
    cloudwatch = plane.client("cloudwatch")
    at = datetime(2026, 11, 29, tzinfo=UTC)
    dimensions = [{"Name": "Prefix", "Value": "eddyline"}, {"Name": "Pool", "Value": "cpu"}]
    datum = {
        "MetricName": "BusySlots",
        "Dimensions": dimensions,
        "Timestamp": at,
        "Value": 2.5,
        "Unit": "Count",
    }
    cloudwatch.put_metric_data(Namespace="Eddyline", MetricData=[datum] * points)
    assert plane.metric_data() == [("Eddyline", datum)] * points


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("ecs", "list_tasks", {"cluster": "eddyline-cpu"}, "ThrottlingException"),
        ("autoscaling", "describe_auto_scaling_groups", {}, "Throttling"),
        ("ec2", "describe_instances", {}, "RequestLimitExceeded"),
        ("cloudwatch", "put_metric_data", {"Namespace": "Eddyline", "MetricData": []}, "Throttling"),
    ],
)
def test_calls_above_the_rate_are_throttled_in_the_form_of_the_service(
    plane: ControlPlane, clock: ManualClock, service: str, operation: str, params: dict[str, Any], code: str
) -> None:
    from botocore.config import Config

    plane.limits[service, "*"] = TokenBucket(burst=2, per_s=1)
    once = Config(retries={"total_max_attempts": 1})
    call = getattr(plane.client(service, config=once), operation)
    call(**params)
    call(**params)
    assert error_of(call, **params) == code
    clock.advance(1)
    call(**params)


def test_failures_are_injected_a_number_of_times(plane: ControlPlane) -> None:
    from botocore.config import Config

    once = Config(retries={"total_max_attempts": 1})
    ecs = plane.client("ecs", config=once)
    plane.fail("ecs", "ListTasks", "ServerException", status=500)
    assert error_of(ecs.list_tasks, cluster="eddyline-cpu") == "ServerException"
    ecs.list_tasks(cluster="eddyline-cpu")


def test_an_operation_that_the_fake_lacks_is_an_error(plane: ControlPlane) -> None:
    assert error_of(plane.client("ecs").list_clusters) == "InvalidAction"
