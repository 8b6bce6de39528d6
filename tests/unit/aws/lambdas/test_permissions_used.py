"""The functions make exactly the calls of the table of permissions, on the resources that it names."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

import pytest
from tests.servers.aws_control_plane import Recorded
from tests.unit.aws.lambdas.lambda_fleet import DRAIN_URL, PREFIX, SETTINGS, LambdaFleet, batch
from tests.unit.aws.lambdas.test_general_drain import _function as general_drain
from tests.unit.aws.lambdas.test_spot_metrics import Metrics

from eddyline.aws.lambdas.permissions import PERMISSIONS, Resource
from eddyline.aws.lambdas.spot_drain import SpotDrain
from eddyline.fleet.names import GENERAL_DRAIN, SPOT_DRAIN, SPOT_METRICS


def _used(fleet: LambdaFleet) -> set[tuple[str, str]]:
    """The actions with the resources of the calls so far, as the table names them."""
    found = {(f"{call.service}:{call.operation}", _resource(call)) for call in fleet.plane.calls}
    return found | {("sqs:SendMessage", url.rpartition("/")[2]) for url, _, _ in fleet.queues.sent}


def _resource(call: Recorded) -> str:
    """The end of the ARN on which IAM checks a call (Service Authorization Reference)."""
    params: dict[str, Any] = call.params
    if call.service == "autoscaling" and not call.operation.startswith("Describe"):
        group = params.get("AutoScalingGroupName", "eddyline-gpu-spot")
        return f"autoScalingGroup:1:autoScalingGroupName/{group}"
    arns = params.get("containerInstances") or params.get("tasks") or [params.get("containerInstance")]
    if call.operation == "PutAttributes":
        arns = [each["targetId"] for each in params["attributes"]]
    if call.service == "ecs" and arns[0]:
        return str(arns[0].partition("::")[2] or re.sub(r"^arn:aws:ecs:[^:]*:[^:]*:", "", arns[0]))
    return f"cluster/{params['cluster']}" if call.service == "ecs" else "*"


def _check(used: set[tuple[str, str]], function: str) -> None:
    allowed = [
        (each.action, each.resource.replace("PREFIX", PREFIX))
        for each in PERMISSIONS[function]
        if not each.by_lambda
    ]
    for action, resource in used:
        assert any(action == name and fnmatch.fnmatchcase(resource, pattern) for name, pattern in allowed), (
            action,
            resource,
        )
    unused = [
        (name, pattern)
        for name, pattern in allowed
        if not any(name == action and fnmatch.fnmatchcase(on, pattern) for action, on in used)
    ]
    assert not unused, "allowed, but never used"


def test_the_general_drain_uses_its_permissions_and_no_others(fleet: LambdaFleet) -> None:
    instance = fleet.launch()
    function = general_drain(fleet)
    fleet.model.scale_in(instance.id, fleet.clock.now())
    function.run(fleet.last_event("EC2 Instance-terminate Lifecycle Action"), fleet.calls())
    used = _used(fleet)
    for second in range(0, 600, 60):
        if second == 420:
            fleet.model.containers.task_exited(fleet.task_of(instance), 0, fleet.clock.now())
        for body, _ in fleet.queues.take(DRAIN_URL):
            fleet.clock.advance(60.0)
            fleet.model.advance(fleet.clock.now())
            function.run(batch(body), fleet.calls())
    assert fleet.model.accepted_completions(instance.id) == 1
    _check(used | _used(fleet), GENERAL_DRAIN)


def test_the_spot_drain_uses_its_permissions_and_no_others(fleet: LambdaFleet) -> None:
    warned, old = fleet.launch("cpu"), fleet.launch("gpu")
    fleet.clock.advance(7200.0)
    fleet.model.warn(warned.id, fleet.clock.now())
    fleet.model.rebalance(old.id, fleet.clock.now())
    function = SpotDrain(settings=SETTINGS, clients=fleet.clients, now=fleet.clock.now)
    wanted = ("EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation")
    function.run(batch(*map(fleet.last_event, wanted)), fleet.calls())
    assert fleet.plane.calls_of("TerminateInstanceInAutoScalingGroup")
    _check(_used(fleet), SPOT_DRAIN)


def test_the_spot_metrics_use_their_permissions_and_no_others(fleet: LambdaFleet) -> None:
    fleet.launch()
    Metrics(fleet).run(batch(*fleet.effects.events), fleet.calls())
    _check(_used(fleet), SPOT_METRICS)


@pytest.mark.parametrize(
    ("function", "queue"),
    [
        (GENERAL_DRAIN, Resource.DRAIN_QUEUE),
        (SPOT_DRAIN, Resource.SPOT_DRAIN_QUEUE),
        (SPOT_METRICS, Resource.SPOT_METRICS_QUEUE),
    ],
)
def test_lambda_may_receive_from_the_queue_of_each_function(function: str, queue: Resource) -> None:
    assert {each.action for each in PERMISSIONS[function] if each.by_lambda and each.resource is queue} == {
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    }
