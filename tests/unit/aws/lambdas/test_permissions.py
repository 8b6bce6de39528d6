"""The table of permissions: actions by name, and resources as narrow as AWS allows."""

from __future__ import annotations

from eddyline.aws.lambdas.permissions import PERMISSIONS, Resource
from eddyline.fleet.names import GENERAL_DRAIN, SPOT_DRAIN, SPOT_METRICS

# Service Authorization Reference: the actions without resource types.
WITHOUT_RESOURCES = {
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:DescribeScalingActivities",
    "ec2:DescribeInstances",
}


def test_each_function_has_permissions_and_no_action_is_a_pattern() -> None:
    assert set(PERMISSIONS) == {GENERAL_DRAIN, SPOT_DRAIN, SPOT_METRICS}
    for permissions in PERMISSIONS.values():
        assert all("*" not in each.action for each in permissions)
        assert len(set(permissions)) == len(permissions)


def test_only_actions_without_resource_level_are_allowed_on_all_resources() -> None:
    everywhere = {
        each.action
        for permissions in PERMISSIONS.values()
        for each in permissions
        if each.resource is Resource.ALL
    }
    assert everywhere == WITHOUT_RESOURCES


def test_the_spot_drain_may_terminate_only_in_spot_groups_and_never_complete_a_hook() -> None:
    actions = {each.action: each.resource for each in PERMISSIONS[SPOT_DRAIN]}
    assert actions["autoscaling:TerminateInstanceInAutoScalingGroup"] is Resource.SPOT_GROUPS
    assert "autoscaling:CompleteLifecycleAction" not in actions
