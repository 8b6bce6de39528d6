"""Spot drain: DRAINING at once for instances of the fleet's Spot groups, and of no others."""

from __future__ import annotations

from typing import Any

import pytest
from tests.servers.fleet_model.resources import Instance
from tests.unit.aws.lambdas.lambda_fleet import AT, FLEET_URL, SETTINGS, LambdaFleet, batch

from eddyline.aws.lambdas.calls import CallError
from eddyline.aws.lambdas.spot_drain import SpotDrain

WARNING = "EC2 Spot Instance Interruption Warning"
RECOMMENDATION = "EC2 Instance Rebalance Recommendation"
SUCCESS: dict[str, Any] = {"batchItemFailures": []}


def _function(fleet: LambdaFleet) -> SpotDrain:
    return SpotDrain(settings=SETTINGS, clients=fleet.clients, now=fleet.clock.now)


def _warn(fleet: LambdaFleet, instance: Instance, action: str = "terminate") -> dict[str, Any]:
    fleet.model.warn(instance.id, fleet.clock.now(), action=action)
    return fleet.last_event(WARNING)


def _recommend(fleet: LambdaFleet, instance: Instance) -> dict[str, Any]:
    fleet.model.rebalance(instance.id, fleet.clock.now())
    return fleet.last_event(RECOMMENDATION)


@pytest.mark.parametrize("action", ["terminate", "stop", "hibernate"])
def test_an_interruption_sets_the_container_instance_to_draining(fleet: LambdaFleet, action: str) -> None:
    instance, other = fleet.launch(), fleet.launch()
    event = _warn(fleet, instance, action)
    assert _function(fleet).run(event, fleet.calls()) == SUCCESS
    assert fleet.status_of(instance) == "DRAINING"
    assert fleet.status_of(other) == "ACTIVE"
    assert fleet.queues.bodies(FLEET_URL) == [event]


def test_one_interruption_costs_three_calls(fleet: LambdaFleet) -> None:
    event = _warn(fleet, fleet.launch())
    _function(fleet).run(event, fleet.calls())
    assert fleet.calls_made() == [
        "autoscaling:DescribeAutoScalingInstances",
        "ecs:ListContainerInstances",
        "ecs:UpdateContainerInstancesState",
    ]


def test_a_hundred_interruptions_in_a_batch_cost_few_calls(fleet: LambdaFleet) -> None:
    events = [_warn(fleet, fleet.launch("cpu" if n % 2 else "gpu")) for n in range(100)]
    assert _function(fleet).run(batch(*events), fleet.calls()) == SUCCESS
    statuses = {found.status for found in fleet.model.containers.instances.values()}
    assert statuses == {"DRAINING"}
    assert len(fleet.calls_made()) == 2 + 2 + 10
    assert len(fleet.queues.bodies(FLEET_URL)) == 100


def test_the_group_replaces_the_instance_and_the_function_does_not(fleet: LambdaFleet) -> None:
    instance = fleet.launch()
    before = fleet.model.groups[instance.group].desired
    _function(fleet).run(_warn(fleet, instance), fleet.calls())
    assert fleet.model.groups[instance.group].desired == before
    assert not fleet.plane.calls_of("TerminateInstanceInAutoScalingGroup")
    assert not fleet.plane.calls_of("SetDesiredCapacity")


def test_duplicates_and_the_agent_s_own_draining_change_nothing_more(fleet: LambdaFleet) -> None:
    instance = fleet.launch()
    event = _warn(fleet, instance)
    (container,) = fleet.model.containers.of_instance(instance.id)
    fleet.model.containers.set_status(container.arn, "DRAINING", fleet.clock.now())  # by the agent
    version = container.version
    function = _function(fleet)
    for _ in range(3):
        assert function.run(batch(event, event), fleet.calls()) == SUCCESS
    assert container.version == version
    assert not fleet.plane.calls_of("UpdateContainerInstancesState")


def test_an_on_demand_group_is_never_touched(fleet: LambdaFleet) -> None:
    instance = fleet.launch(spot=False)
    for event in (_warn(fleet, instance), _recommend(fleet, instance)):
        assert _function(fleet).run(event, fleet.calls()) == SUCCESS
    assert fleet.status_of(instance) == "ACTIVE"
    assert not fleet.queues.sent


def test_instances_of_no_group_or_another_fleet_are_ignored_with_success(fleet: LambdaFleet) -> None:
    alone = fleet.model.launch(AT)
    foreign = fleet.model.launch(AT, group="another-fleet-spot")
    events = [_warn(fleet, each) for each in (alone, foreign)]
    assert _function(fleet).run(batch(*events), fleet.calls()) == SUCCESS
    assert not fleet.queues.sent
    assert not [call for call in fleet.calls_made() if call.startswith("ecs:")]


def test_a_vanished_instance_is_a_success(fleet: LambdaFleet) -> None:
    instance = fleet.launch()
    event = _warn(fleet, instance)
    fleet.model.terminate(instance.id, fleet.clock.now())
    for action in list(fleet.model.actions.values()):
        fleet.model.complete(action.instance, action.token, action.hook.name, "CONTINUE", AT)
    assert _function(fleet).run(event, fleet.calls()) == SUCCESS


def test_an_instance_that_is_not_registered_yet_is_a_success_and_is_forwarded(fleet: LambdaFleet) -> None:
    event = _warn(fleet, fleet.launch(registered=False))
    assert _function(fleet).run(event, fleet.calls()) == SUCCESS
    assert fleet.queues.bodies(FLEET_URL) == [event]


def test_a_missing_cluster_is_a_success(fleet: LambdaFleet) -> None:
    event = _warn(fleet, fleet.launch(registered=False))
    fleet.model.containers.clusters.clear()
    assert _function(fleet).run(event, fleet.calls()) == SUCCESS


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("ecs", "UpdateContainerInstancesState", "ThrottlingException"),
        ("ecs", "ListContainerInstances", "ServerException"),
        ("autoscaling", "DescribeAutoScalingInstances", "Throttling"),
    ],
)
def test_throttled_calls_are_repeated_within_the_invocation(
    fleet: LambdaFleet, service: str, operation: str, code: str
) -> None:
    instance = fleet.launch()
    event = _warn(fleet, instance)
    fleet.plane.fail(service, operation, code, times=6)
    assert _function(fleet).run(event, fleet.calls()) == SUCCESS
    assert fleet.status_of(instance) == "DRAINING"
    assert fleet.clock.now() - AT < 20.0


def test_the_event_is_forwarded_even_if_draining_fails(fleet: LambdaFleet) -> None:
    event = _warn(fleet, fleet.launch())
    fleet.plane.fail("ecs", "*", "ThrottlingException", times=1000)
    assert _function(fleet).run(batch(event), fleet.calls()) == {
        "batchItemFailures": [{"itemIdentifier": "message-0"}]
    }
    assert fleet.queues.bodies(FLEET_URL) == [event]
    assert fleet.clock.now() - AT <= 20.0
    with pytest.raises(CallError):
        _function(fleet).run(event, fleet.calls())


def test_only_the_notices_of_the_failing_cluster_are_received_again(fleet: LambdaFleet) -> None:
    cpu, gpu = fleet.launch("cpu"), fleet.launch("gpu")
    events = [_warn(fleet, each) for each in (cpu, gpu)]
    fleet.plane.fail("ecs", "ListContainerInstances", "AccessDeniedException")
    assert _function(fleet).run(batch(*events), fleet.calls()) == {
        "batchItemFailures": [{"itemIdentifier": "message-0"}]
    }
    assert (fleet.status_of(cpu), fleet.status_of(gpu)) == ("ACTIVE", "DRAINING")


def test_one_container_instance_that_cannot_drain_does_not_keep_the_others(fleet: LambdaFleet) -> None:
    instances = [fleet.launch() for _ in range(3)]
    events = [_warn(fleet, each) for each in instances]
    fleet.plane.fail("ecs", "UpdateContainerInstancesState", "InvalidParameterException", times=2)
    assert _function(fleet).run(batch(*events), fleet.calls()) == SUCCESS
    # The batch was refused, then the first single call; the other two succeeded.
    assert [fleet.status_of(each) for each in instances].count("DRAINING") == 2


@pytest.mark.parametrize("event", [None, 7, [], "text", {"Records": [{}]}, {"source": "aws.ec2"}])
def test_any_input_is_accepted(fleet: LambdaFleet, event: Any) -> None:
    assert _function(fleet).run(event, fleet.calls()) == SUCCESS


# Rebalance recommendations


def test_by_default_a_recommendation_only_goes_to_the_coordinators(fleet: LambdaFleet) -> None:
    instance = fleet.launch("cpu")
    fleet.clock.advance(7200.0)
    event = _recommend(fleet, instance)
    assert _function(fleet).run(event, fleet.calls()) == SUCCESS
    assert fleet.queues.bodies(FLEET_URL) == [event]
    assert fleet.status_of(instance) == "ACTIVE"
    assert fleet.calls_made() == ["autoscaling:DescribeAutoScalingInstances"]


def test_the_policy_replace_is_bounded_and_replaces_no_instance_twice(fleet: LambdaFleet) -> None:
    instances = [fleet.launch("gpu") for _ in range(10)]
    fleet.clock.advance(7200.0)
    events = [_recommend(fleet, each) for each in instances]
    function = _function(fleet)
    desired = fleet.model.groups["eddyline-gpu-spot"].desired
    for _ in range(3):
        assert function.run(batch(*events), fleet.calls()) == SUCCESS
    replaced = [call["InstanceId"] for call in fleet.plane.calls_of("TerminateInstanceInAutoScalingGroup")]
    assert len(replaced) == len(set(replaced)) == 2
    assert fleet.model.groups["eddyline-gpu-spot"].desired == desired
    # An hour later two more are replaced, through the hook: the general drain lets their jobs end.
    fleet.clock.advance(3601.0)
    function.run(batch(*events), fleet.calls())
    assert len(fleet.plane.calls_of("TerminateInstanceInAutoScalingGroup")) == 4
    assert all(fleet.model.instances[each].lifecycle_state == "Terminating:Wait" for each in replaced)


def test_a_young_instance_is_not_replaced(fleet: LambdaFleet) -> None:
    instance = fleet.launch("gpu")
    _function(fleet).run(_recommend(fleet, instance), fleet.calls())
    assert not fleet.plane.calls_of("TerminateInstanceInAutoScalingGroup")
