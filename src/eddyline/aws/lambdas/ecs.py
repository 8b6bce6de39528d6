"""What the functions ask of Amazon ECS: the container instances of EC2 instances, DRAINING, and tasks."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eddyline.aws.lambdas.calls import CallError, Calls, Vendor

_LOG = logging.getLogger("eddyline.lambdas")
_MAX_IN_FILTER = 50  # instance ids in one query expression
_MAX_DESCRIBED = 100
_MAX_UPDATED = 10
_MAX_PAGES = 10
_NO_CLUSTER = "ClusterNotFoundException"
_REJECTED = frozenset({"InvalidParameterException", "ClientException"})
_OWNER_ATTRIBUTE = "eddyline.drain"


@dataclass(frozen=True, kw_only=True)
class ContainerInstance:
    """A container instance. `counted`: ECS counts a task on it as running or pending.

    `drain_owner` is the value of the attribute that says which chain of checks drains it, or "".
    """

    arn: str
    status: str
    counted: bool
    drain_owner: str


class Ecs:
    """Calls of the ECS API. A cluster that does not exist has no container instances."""

    def __init__(self, client: Vendor, calls: Calls) -> None:
        self._client = client
        self._calls = calls

    def find(self, cluster: str, instances: Sequence[str], **more: str) -> list[str]:
        """The ARNs of the container instances of these EC2 instances, except INACTIVE ones."""
        found: list[str] = []
        for ids in _chunks(instances, _MAX_IN_FILTER):
            try:
                found += self._pages(
                    self._client.list_container_instances,
                    "containerInstanceArns",
                    cluster=cluster,
                    filter=f"ec2InstanceId in [{','.join(ids)}]",
                    **more,
                )
            except CallError as error:
                if error.code == _NO_CLUSTER:
                    return []
                raise
        return found

    def describe(self, cluster: str, instances: Sequence[str]) -> Mapping[str, ContainerInstance]:
        """The container instances of these EC2 instances, by EC2 instance id."""
        found: dict[str, ContainerInstance] = {}
        for arns in _chunks(self.find(cluster, instances), _MAX_DESCRIBED):
            answer = self._calls.call(
                self._client.describe_container_instances, cluster=cluster, containerInstances=list(arns)
            )
            for each in answer.get("containerInstances", ()):
                owners = (item for item in each.get("attributes", ()) if item["name"] == _OWNER_ATTRIBUTE)
                found[each.get("ec2InstanceId", "")] = ContainerInstance(
                    arn=each["containerInstanceArn"],
                    status=each.get("status", ""),
                    counted=bool(each.get("runningTasksCount") or each.get("pendingTasksCount")),
                    drain_owner=next((str(item.get("value", "")) for item in owners), ""),
                )
        return found

    def drain(self, cluster: str, arns: Sequence[str]) -> list[str]:
        """Set container instances to DRAINING, ten with each call; returns those that failed for now.

        Those that ECS rejects are left as they are: they are deregistered, or the agent has drained them.
        """
        failed: list[str] = []
        for batch in _chunks(arns, _MAX_UPDATED):
            try:
                self._drain(cluster, batch)
            except CallError as error:
                _LOG.warning(
                    "container instances not drained", extra={"cluster": cluster, "error": str(error)}
                )
                failed += batch
        return failed

    def _drain(self, cluster: str, arns: Sequence[str]) -> None:
        try:
            answer = self._calls.call(
                self._client.update_container_instances_state,
                cluster=cluster,
                containerInstances=list(arns),
                status="DRAINING",
            )
        except CallError as error:
            if error.code == _NO_CLUSTER or (error.code in _REJECTED and len(arns) == 1):
                _LOG.info("container instance not drainable", extra={"cluster": cluster, "error": str(error)})
            elif error.code in _REJECTED:
                for arn in arns:  # one of them is in a state that refuses the whole call
                    self._drain(cluster, [arn])
            else:
                raise
            return
        for failure in answer.get("failures", ()):
            _LOG.info(
                "container instance not drainable",
                extra={"cluster": cluster, "error": f"{failure.get('arn')}: {failure.get('reason')}"},
            )

    def task_statuses(self, cluster: str, arn: str) -> list[str]:
        """The last status of each task on a container instance.

        Tasks that stop have the desired status STOPPED, so both lists are read.
        """
        tasks: list[str] = []
        for desired in ("RUNNING", "STOPPED"):
            tasks += self._pages(
                self._client.list_tasks,
                "taskArns",
                cluster=cluster,
                containerInstance=arn,
                desiredStatus=desired,
            )
        statuses: list[str] = []
        for batch in _chunks(list(dict.fromkeys(tasks)), _MAX_DESCRIBED):
            answer = self._calls.call(self._client.describe_tasks, cluster=cluster, tasks=list(batch))
            statuses += [each.get("lastStatus", "") for each in answer.get("tasks", ())]
        return statuses

    def set_drain_owners(self, cluster: str, owners: Mapping[str, str]) -> None:
        """Write the attribute `drain_owner` of container instances, by ARN."""
        for arns in _chunks(list(owners), _MAX_UPDATED):
            self._calls.call(
                self._client.put_attributes,
                cluster=cluster,
                attributes=[
                    {
                        "name": _OWNER_ATTRIBUTE,
                        "value": owners[arn],
                        "targetType": "container-instance",
                        "targetId": arn,
                    }
                    for arn in arns
                ],
            )

    def _pages(self, function: Vendor, key: str, **params: str) -> list[str]:
        found: list[str] = []
        for _ in range(_MAX_PAGES):
            answer = self._calls.call(function, **params)
            found += answer.get(key, ())
            if not answer.get("nextToken"):
                break
            params["nextToken"] = answer["nextToken"]
        return found


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
