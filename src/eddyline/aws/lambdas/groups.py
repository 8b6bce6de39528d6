"""What the functions ask of EC2 Auto Scaling: the groups of instances, lifecycle actions, replacements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from eddyline.aws.lambdas.calls import CallError, Calls, Vendor
from eddyline.fleet.notices import INSTANCE_ID, LifecycleAction
from eddyline.fleet.rebalance_policy import Replacement

_MAX_IDS = 50  # of DescribeAutoScalingInstances
_MAX_ACTIVITIES = 100
_TOKEN_LENGTH = 36
_NO_ACTION = "No active Lifecycle Action found"
_NO_INSTANCE = "Instance Id not found"
_TERMINATING = re.compile(rf"Terminating EC2 instance: ({INSTANCE_ID.pattern})")
_BY_REQUEST = "user request"  # in the cause of an activity that an API call started


@dataclass(frozen=True, kw_only=True)
class GroupMember:
    """An instance of an Auto Scaling group."""

    group: str
    lifecycle_state: str


class Groups:
    """Calls of the Auto Scaling API."""

    def __init__(self, client: Vendor, calls: Calls) -> None:
        self._client = client
        self._calls = calls

    def members(self, instances: Iterable[str]) -> Mapping[str, GroupMember]:
        """Those of the instances that belong to a group; Auto Scaling leaves out all others."""
        found: dict[str, GroupMember] = {}
        ids = list(dict.fromkeys(instances))
        for start in range(0, len(ids), _MAX_IDS):
            answer = self._calls.call(
                self._client.describe_auto_scaling_instances, InstanceIds=ids[start : start + _MAX_IDS]
            )
            for each in answer.get("AutoScalingInstances", ()):
                found[each["InstanceId"]] = GroupMember(
                    group=each["AutoScalingGroupName"], lifecycle_state=each["LifecycleState"]
                )
        return found

    def heartbeat(self, action: LifecycleAction, instance: str) -> bool:
        """Extend the wait by the heartbeat timeout; False: the action has ended."""
        return self._on_action(self._client.record_lifecycle_action_heartbeat, action, instance)

    def complete(self, action: LifecycleAction, instance: str) -> bool:
        """Complete the action (CONTINUE); False: it was completed before."""
        return self._on_action(
            self._client.complete_lifecycle_action, action, instance, LifecycleActionResult="CONTINUE"
        )

    def _on_action(self, function: Vendor, action: LifecycleAction, instance: str, **more: str) -> bool:
        if len(action.token) == _TOKEN_LENGTH:
            more["LifecycleActionToken"] = action.token
        try:
            self._calls.call(
                function,
                AutoScalingGroupName=action.group,
                LifecycleHookName=action.hook,
                InstanceId=instance,
                **more,
            )
        except CallError as error:
            if _NO_ACTION in error.text:
                return False
            raise
        return True

    def replace(self, instance: str) -> bool:
        """Terminate an instance through its group, which launches another one; False: it is gone."""
        try:
            self._calls.call(
                self._client.terminate_instance_in_auto_scaling_group,
                InstanceId=instance,
                ShouldDecrementDesiredCapacity=False,
            )
        except CallError as error:
            if _NO_INSTANCE in error.text:
                return False
            raise
        return True

    def replacements(self, group: str) -> tuple[Replacement, ...]:
        """The terminations by API calls among the latest hundred activities of a group."""
        answer = self._calls.call(
            self._client.describe_scaling_activities, AutoScalingGroupName=group, MaxRecords=_MAX_ACTIVITIES
        )
        found = []
        for each in answer.get("Activities", ()):
            match = _TERMINATING.search(each.get("Description", ""))
            if match and _BY_REQUEST in each.get("Cause", ""):
                found.append(Replacement(instance=match[1], at=each["StartTime"].timestamp()))
        return tuple(found)
