"""The API of Amazon ECS on a modelled fleet."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.servers.aws_api.pages import page
from tests.servers.aws_api.protocols import ApiError, Params
from tests.servers.fleet_model.events import cluster_arn
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import ContainerInstance, Task

_EQUALS = re.compile(r"ec2InstanceId\s*==\s*'?(i-[0-9a-f]+)'?")
_IN = re.compile(r"ec2InstanceId\s+in\s+\[([^\]]*)\]")
_MOST_UPDATES = 10
_MOST_DESCRIBED = 100


def list_container_instances(fleet: FleetModel, params: Params, _now: float) -> Params:
    """Without `status`: all but INACTIVE."""
    cluster = _cluster(fleet, params)
    wanted = _filter(params.get("filter", ""))
    status = params.get("status")
    found = [
        known.arn
        for known in fleet.containers.instances.values()
        if known.cluster == cluster
        and (known.status == status if status else known.status != "INACTIVE")
        and (wanted is None or known.instance in wanted)
    ]
    arns, token = page(found, params.get("maxResults", _MOST_DESCRIBED), params.get("nextToken"))
    return {"containerInstanceArns": arns, "nextToken": token}


def describe_container_instances(fleet: FleetModel, params: Params, _now: float) -> Params:
    """Unknown ones are failures with the reason MISSING."""
    cluster = _cluster(fleet, params)
    known, failures = _resolve(fleet, cluster, params["containerInstances"], _MOST_DESCRIBED)
    return {"containerInstances": [_described(fleet, found) for found in known], "failures": failures}


def update_container_instances_state(fleet: FleetModel, params: Params, now: float) -> Params:
    """At most ten; a repeated DRAINING changes nothing, INACTIVE is a failure."""
    cluster, status = _cluster(fleet, params), params["status"]
    if status not in {"ACTIVE", "DRAINING"}:
        raise ApiError("InvalidParameterException", "status must be ACTIVE or DRAINING")
    known, failures = _resolve(fleet, cluster, params["containerInstances"], _MOST_UPDATES)
    updated = []
    for found in known:
        if found.status == "INACTIVE":
            failures.append({"arn": found.arn, "reason": "INACTIVE"})
        else:
            fleet.containers.set_status(found.arn, status, now)
            updated.append(_described(fleet, found))
    return {"containerInstances": updated, "failures": failures}


def put_attributes(fleet: FleetModel, params: Params, _now: float) -> Params:
    """Set attributes of container instances, at most ten."""
    cluster = _cluster(fleet, params)
    if len(params["attributes"]) > _MOST_UPDATES:
        raise ApiError("InvalidParameterException", "at most 10 attributes")
    for attribute in params["attributes"]:
        known, _ = _resolve(fleet, cluster, [attribute["targetId"]], 1)
        if not known:
            raise ApiError("TargetNotFoundException", "The specified target wasn't found.")
        known[0].attributes[attribute["name"]] = attribute.get("value", "")
    return {"attributes": params["attributes"]}


def list_tasks(fleet: FleetModel, params: Params, _now: float) -> Params:
    """By default those with the desired status RUNNING, as in ECS."""
    cluster = _cluster(fleet, params)
    container = params.get("containerInstance")
    if container is not None:
        known, _ = _resolve(fleet, cluster, [container], 1)
        if not known:
            raise ApiError("InvalidParameterException", "Container instance not found.")
        container = known[0].arn
    desired = params.get("desiredStatus", "RUNNING")
    service = params.get("serviceName")
    found = [
        task.arn
        for task in fleet.containers.tasks.values()
        if task.cluster == cluster
        and task.desired_status == desired
        and (container is None or task.container_instance == container)
        and (service is None or task.service == service)
    ]
    arns, token = page(found, params.get("maxResults", _MOST_DESCRIBED), params.get("nextToken"))
    return {"taskArns": arns, "nextToken": token}


def describe_tasks(fleet: FleetModel, params: Params, _now: float) -> Params:
    """At most a hundred."""
    _cluster(fleet, params)
    if len(params["tasks"]) > _MOST_DESCRIBED:
        raise ApiError("InvalidParameterException", "tasks cannot have more than 100 elements")
    tasks = [(arn, fleet.containers.tasks.get(_arn_of_task(fleet, arn))) for arn in params["tasks"]]
    return {
        "tasks": [_task(task) for _, task in tasks if task is not None],
        "failures": [{"arn": arn, "reason": "MISSING"} for arn, task in tasks if task is None],
    }


def update_task_protection(fleet: FleetModel, params: Params, now: float) -> Params:
    """Protect tasks from service scale-in and deployments."""
    _cluster(fleet, params)
    minutes = params.get("expiresInMinutes", 120)
    if not 1 <= minutes <= 2880:
        raise ApiError("InvalidParameterException", "expiresInMinutes must be 1 to 2880")
    protected: list[Params] = []
    for arn in params["tasks"]:
        task = fleet.containers.tasks.get(_arn_of_task(fleet, arn))
        if task is not None:
            enabled = params["protectionEnabled"]
            task.protected_until = now + 60 * minutes if enabled else None
            protected.append({"taskArn": task.arn, "protectionEnabled": enabled})
    return {"protectedTasks": protected, "failures": []}


def _cluster(fleet: FleetModel, params: Params) -> str:
    cluster = str(params.get("cluster", "default")).rpartition("/")[2]
    if cluster not in fleet.containers.clusters:
        raise ApiError("ClusterNotFoundException", "Cluster not found.")
    return cluster


def _filter(expression: str) -> set[str] | None:
    if not expression:
        return None
    if found := _EQUALS.fullmatch(expression.strip()):
        return {found[1]}
    if found := _IN.fullmatch(expression.strip()):
        return {item.strip(" '") for item in found[1].split(",")}
    raise ApiError("InvalidParameterException", f"unsupported filter: {expression}")


def _resolve(
    fleet: FleetModel, cluster: str, names: list[str], most: int
) -> tuple[list[ContainerInstance], list[Params]]:
    if len(names) > most:
        raise ApiError("InvalidParameterException", f"at most {most} container instances")
    by_id = {found.arn.rpartition("/")[2]: found for found in fleet.containers.instances.values()}
    known, failures = [], []
    for name in names:
        found = by_id.get(name.rpartition("/")[2])
        if found is None or found.cluster != cluster:
            failures.append({"arn": name, "reason": "MISSING"})
        else:
            known.append(found)
    return known, failures


def _arn_of_task(fleet: FleetModel, name: str) -> str:
    if name in fleet.containers.tasks:
        return name
    return next((arn for arn in fleet.containers.tasks if arn.endswith(f"/{name}")), "")


def _described(fleet: FleetModel, found: ContainerInstance) -> Params:
    return {
        "containerInstanceArn": found.arn,
        "ec2InstanceId": found.instance,
        "status": found.status,
        "version": found.version,
        "agentConnected": found.agent_connected,
        "runningTasksCount": fleet.containers.running_count(found.arn),
        "pendingTasksCount": 0,
        "attributes": [{"name": key, "value": value} for key, value in found.attributes.items()],
        "registeredAt": datetime.fromtimestamp(found.registered_at, UTC),
    }


def _task(task: Task) -> Params:
    found: dict[str, Any] = {
        "taskArn": task.arn,
        "clusterArn": cluster_arn(task.cluster),
        "containerInstanceArn": task.container_instance,
        "taskDefinitionArn": task.definition,
        "group": f"service:{task.service}",
        "lastStatus": task.last_status,
        "desiredStatus": task.desired_status,
        "createdAt": datetime.fromtimestamp(task.created_at, UTC),
        "version": task.version,
    }
    if task.stop_code:
        found |= {"stopCode": task.stop_code, "stoppedReason": task.stopped_reason}
    if task.stopped_at is not None:
        found["stoppedAt"] = datetime.fromtimestamp(task.stopped_at, UTC)
    return found


OPERATIONS: dict[str, Callable[[FleetModel, Params, float], Params]] = {
    "ListContainerInstances": list_container_instances,
    "DescribeContainerInstances": describe_container_instances,
    "UpdateContainerInstancesState": update_container_instances_state,
    "PutAttributes": put_attributes,
    "ListTasks": list_tasks,
    "DescribeTasks": describe_tasks,
    "UpdateTaskProtection": update_task_protection,
}
