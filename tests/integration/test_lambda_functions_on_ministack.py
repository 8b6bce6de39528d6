"""The zip file as deployed: MiniStack runs the functions, which call its SQS and the fake control plane."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.servers import ministack
from tests.servers.aws_control_plane import ControlPlane, control_plane
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import DaemonService, Group, Hook, Instance
from tests.waiting import wait_until

from eddyline.aws.lambda_package import build_package
from eddyline.fleet import names

PREFIX = "eddyline"
GROUP = names.group_name(PREFIX, "cpu", spot=True)
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
MODULES = {
    names.GENERAL_DRAIN: "general_drain",
    names.SPOT_DRAIN: "spot_drain",
    names.SPOT_METRICS: "spot_metrics",
}

pytestmark = pytest.mark.slow


class Deployment:
    """The functions and queues on MiniStack."""

    def __init__(self, server: ministack.Ministack, plane: ControlPlane) -> None:
        import boto3

        self._clients = {
            name: boto3.client(name, endpoint_url=server.url, **KEYS) for name in ("sqs", "lambda")
        }
        self.plane = plane
        self._environment = {
            **plane.environment,
            "AWS_ENDPOINT_URL_SQS": server.url,
            "PREFIX": PREFIX,
            "POOLS": json.dumps({"cpu": {"hook_s": 900}}),
            "FLEET_QUEUE_URL": self._queue(names.fleet_queue(PREFIX)),
            "DRAIN_QUEUE_URL": self._queue(names.drain_queue(PREFIX)),
        }

    def _queue(self, name: str) -> str:
        return str(self._clients["sqs"].create_queue(QueueName=name)["QueueUrl"])

    def deploy(self, function: str) -> None:
        """Create a function with its queue as event source, as Terraform does."""
        self._clients["lambda"].create_function(
            FunctionName=names.function_name(PREFIX, function),
            Runtime="python3.12",
            Role="arn:aws:iam::000000000000:role/test",
            Handler=f"eddyline.aws.lambdas.{MODULES[function]}.handler",
            Code={"ZipFile": build_package()},
            Timeout=30,
            Environment={"Variables": self._environment},
        )
        queue = (
            names.drain_queue(PREFIX)
            if function == names.GENERAL_DRAIN
            else names.function_queue(PREFIX, function)
        )
        self._queue(queue)
        self._clients["lambda"].create_event_source_mapping(
            FunctionName=names.function_name(PREFIX, function),
            EventSourceArn=f"arn:aws:sqs:us-east-1:000000000000:{queue}",
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )

    def send(self, queue: str, body: object) -> None:
        url = self._queue(queue)
        self._clients["sqs"].send_message(QueueUrl=url, MessageBody=json.dumps(body))

    def invoke(self, function: str, event: object) -> Any:
        answer = self._clients["lambda"].invoke(
            FunctionName=names.function_name(PREFIX, function), Payload=json.dumps(event).encode()
        )
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())

    def left_in(self, queue: str) -> int:
        attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._clients["sqs"].get_queue_attributes(
            QueueUrl=self._queue(queue), AttributeNames=attributes
        )
        return sum(int(value) for value in found["Attributes"].values())


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    monkeypatch.setattr(ministack, "SERVICES", "sqs,lambda,iam,logs")
    model = FleetModel(effects=Recorded())
    hook = Hook(name=names.hook_name(PREFIX), heartbeat_s=900)
    tags = {"eddyline:prefix": PREFIX, "eddyline:pool": "cpu", "eddyline:purchase": "spot"}
    model.add_group(Group(name=GROUP, desired=1, hooks={hook.name: hook}, tags=tags))
    cluster = names.cluster_name(PREFIX, "cpu")
    model.containers.add_service(DaemonService(name=cluster, cluster=cluster, family=cluster))
    try:
        with ministack.running() as server, control_plane(model) as plane:
            yield Deployment(server, plane)
    except ministack.NoServerError as error:
        pytest.skip(str(error))


def _launch(deployment: Deployment) -> Instance:
    plane = deployment.plane
    with plane.lock:
        instance = plane.fleet.launch(time.time(), group=GROUP)
        plane.fleet.containers.register(instance, names.cluster_name(PREFIX, "cpu"), time.time())
    return instance


def _last_event(deployment: Deployment) -> dict[str, Any]:
    effects = deployment.plane.fleet.effects
    assert isinstance(effects, Recorded)
    return effects.events[-1]


def test_a_warning_in_the_queue_drains_the_container_instance(deployment: Deployment) -> None:
    deployment.deploy(names.SPOT_DRAIN)
    instance = _launch(deployment)
    with deployment.plane.lock:
        deployment.plane.fleet.warn(instance.id, time.time())
    queue = names.function_queue(PREFIX, names.SPOT_DRAIN)
    deployment.send(queue, _last_event(deployment))
    containers = deployment.plane.fleet.containers
    wait_until(
        lambda: [each.status for each in containers.of_instance(instance.id)] == ["DRAINING"], timeout_s=60
    )
    wait_until(lambda: deployment.left_in(names.fleet_queue(PREFIX)) == 1, timeout_s=20)
    wait_until(lambda: deployment.left_in(queue) == 0, timeout_s=20)


def test_a_scale_in_completes_the_hook_through_the_drain_queue(deployment: Deployment) -> None:
    deployment.deploy(names.GENERAL_DRAIN)
    instance = _launch(deployment)
    fleet = deployment.plane.fleet
    with deployment.plane.lock:
        fleet.scale_in(instance.id, time.time())
        event = _last_event(deployment)
    assert event["detail-type"] == "EC2 Instance-terminate Lifecycle Action"
    assert deployment.invoke(names.GENERAL_DRAIN, event) == {"batchItemFailures": []}
    with deployment.plane.lock:
        for task in list(fleet.containers.tasks):
            fleet.containers.task_exited(task, 0, time.time())
            fleet.containers.advance(time.time() + 60.0)
    # The next check is a message with a delay of 15 s.
    wait_until(lambda: fleet.accepted_completions(instance.id) == 1, timeout_s=60)
