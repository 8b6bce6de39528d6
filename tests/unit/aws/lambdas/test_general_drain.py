"""General drain: DRAINING, checks by delayed messages, and the hook completed once when no task is left."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.servers.fleet_model.resources import Instance
from tests.unit.aws.lambdas.lambda_fleet import (
    DRAIN_URL,
    FLEET_URL,
    HOOK_S,
    SETTINGS,
    LambdaFleet,
    batch,
)

from eddyline.aws.lambdas.calls import CallError
from eddyline.aws.lambdas.general_drain import GeneralDrain

EVENT = "EC2 Instance-terminate Lifecycle Action"


def _function(fleet: LambdaFleet) -> GeneralDrain:
    numbers = iter(range(1, 10_000))
    return GeneralDrain(
        settings=SETTINGS,
        clients=fleet.clients,
        now=fleet.clock.now,
        new_chain=lambda: f"{next(numbers):08x}",
    )


def _scale_in(fleet: LambdaFleet, instance: Instance) -> dict[str, Any]:
    fleet.model.scale_in(instance.id, fleet.clock.now())
    return fleet.last_event(EVENT)


def _run_checks(fleet: LambdaFleet, function: GeneralDrain, *, until_s: float = 7200.0) -> int:
    """Deliver delayed messages as SQS does until none is left; returns the number of checks."""
    end, checks = fleet.clock.now() + until_s, 0
    while fleet.clock.now() < end and (waiting := fleet.queues.take(DRAIN_URL)):
        fleet.clock.advance(max(delay for _, delay in waiting))
        fleet.model.advance(fleet.clock.now())
        for body, _ in waiting:
            checks += 1
            assert function.run(batch(body), fleet.calls()) == {"batchItemFailures": []}
    return checks


def test_a_scale_in_drains_the_instance_and_completes_the_hook_once(fleet: LambdaFleet) -> None:
    instance, other = fleet.launch(), fleet.launch()
    event = _scale_in(fleet, instance)
    function = _function(fleet)
    assert function.run(event, fleet.calls()) == {"batchItemFailures": []}
    assert fleet.status_of(instance) == "DRAINING"
    assert fleet.queues.bodies(FLEET_URL) == [event]
    assert not fleet.model.completions
    # The job ends after 300 s; the worker then exits.
    fleet.clock.advance(300.0)
    fleet.model.containers.task_exited(fleet.task_of(instance), 0, fleet.clock.now())
    _run_checks(fleet, function)
    assert fleet.model.accepted_completions(instance.id) == 1
    assert len(fleet.plane.calls_of("CompleteLifecycleAction")) == 1
    assert fleet.clock.now() < instance.launched_at + HOOK_S
    assert fleet.status_of(other) == "ACTIVE"


@pytest.mark.parametrize("last_status", ["DEACTIVATING", "STOPPING", "DEPROVISIONING"])
def test_a_task_that_ecs_no_longer_counts_keeps_the_hook_open(fleet: LambdaFleet, last_status: str) -> None:
    instance = fleet.launch()
    function = _function(fleet)
    function.run(_scale_in(fleet, instance), fleet.calls())
    task = fleet.model.containers.tasks[fleet.task_of(instance)]
    task.last_status, task.desired_status = last_status, "STOPPED"
    task.kill_at = None
    assert fleet.model.containers.running_count(task.container_instance) == 0
    ((body, _),) = fleet.queues.take(DRAIN_URL)
    function.run(batch(body), fleet.calls())
    assert not fleet.model.completions
    task.last_status = "STOPPED"
    _run_checks(fleet, function)
    assert fleet.model.accepted_completions(instance.id) == 1


def test_an_instance_that_never_registered_is_completed_at_once(fleet: LambdaFleet) -> None:
    instance = fleet.launch(registered=False)
    _function(fleet).run(_scale_in(fleet, instance), fleet.calls())
    assert fleet.model.accepted_completions(instance.id) == 1
    assert not fleet.queues.take(DRAIN_URL)


def test_the_same_event_151_times_is_one_chain_of_checks_and_one_completion(fleet: LambdaFleet) -> None:
    instance = fleet.launch()
    event = _scale_in(fleet, instance)
    function = _function(fleet)
    for _ in range(151):
        assert function.run(event, fleet.calls()) == {"batchItemFailures": []}
    assert len([1 for url, _, _ in fleet.queues.sent if url == DRAIN_URL]) == 1
    fleet.model.containers.task_exited(fleet.task_of(instance), 0, fleet.clock.now())
    _run_checks(fleet, function)
    for _ in range(3):
        function.run(event, fleet.calls())
    assert len(fleet.plane.calls_of("CompleteLifecycleAction")) == 1


def test_of_two_chains_that_started_together_one_ends(fleet: LambdaFleet) -> None:
    """Two copies of the event at the same moment: neither sees the mark of the other."""
    instance = fleet.launch()
    event = _scale_in(fleet, instance)
    function = _function(fleet)
    function.run(event, fleet.calls())
    for found in fleet.model.containers.instances.values():
        found.attributes.clear()
    function.run(event, fleet.calls())
    first, second = (body for body, _ in fleet.queues.take(DRAIN_URL))
    for body in (first, second):
        fleet.clock.advance(15.0)
        function.run(batch(body), fleet.calls())
    assert len(fleet.queues.take(DRAIN_URL)) == 1


def test_a_message_delivered_twice_completes_the_hook_once(fleet: LambdaFleet) -> None:
    instance = fleet.launch()
    function = _function(fleet)
    function.run(_scale_in(fleet, instance), fleet.calls())
    fleet.model.containers.task_exited(fleet.task_of(instance), 0, fleet.clock.now())
    fleet.clock.advance(20.0)
    fleet.model.advance(fleet.clock.now())
    ((body, _),) = fleet.queues.take(DRAIN_URL)
    assert function.run(batch(body, body), fleet.calls()) == {"batchItemFailures": []}
    assert fleet.model.accepted_completions(instance.id) == 1


def test_a_job_that_never_ends_gets_the_time_of_the_pool_and_no_more(fleet: LambdaFleet) -> None:
    instance = fleet.launch()
    for service in fleet.model.containers.services.values():
        service.stop_timeout_s = 10 * HOOK_S
    started = fleet.clock.now()
    function = _function(fleet)
    function.run(_scale_in(fleet, instance), fleet.calls())
    for task in fleet.model.containers.tasks.values():
        task.kill_at = None
    checks = _run_checks(fleet, function)
    (completion,) = fleet.model.completions
    assert completion.accepted  # by the function: the hook did not time out before
    assert completion.at == pytest.approx(started + HOOK_S, abs=2.0)
    assert checks <= 20
    assert 1 <= len(fleet.plane.calls_of("RecordLifecycleActionHeartbeat")) <= 3


def test_an_instance_of_an_on_demand_group_is_drained_too(fleet: LambdaFleet) -> None:
    instance = fleet.launch(spot=False)
    _function(fleet).run(_scale_in(fleet, instance), fleet.calls())
    assert fleet.status_of(instance) == "DRAINING"


def test_after_an_interruption_the_hook_of_the_ended_instance_is_completed_at_once(
    fleet: LambdaFleet,
) -> None:
    instance = fleet.launch()
    fleet.model.reclaim(instance.id, fleet.clock.now())
    _function(fleet).run(fleet.last_event(EVENT), fleet.calls())
    assert fleet.model.accepted_completions(instance.id) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"AutoScalingGroupName": "another-fleet-spot"},
        {"AutoScalingGroupName": "eddyline-unknownpool-spot"},
        {"LifecycleHookName": "hook-of-another-tool"},
        {"EC2InstanceId": "i-0000000000000dead"},
        {"LifecycleTransition": "autoscaling:TEST_NOTIFICATION"},
    ],
)
def test_foreign_events_are_ignored_with_success(fleet: LambdaFleet, change: dict[str, str]) -> None:
    instance = fleet.launch()
    event = _scale_in(fleet, instance)
    foreign = {**event, "detail": {**event["detail"], **change}}
    assert _function(fleet).run(foreign, fleet.calls()) == {"batchItemFailures": []}
    assert fleet.status_of(instance) == "ACTIVE"
    assert not fleet.model.completions
    assert not fleet.queues.take(DRAIN_URL)


def test_malformed_messages_do_not_block_the_others_of_their_batch(
    fleet: LambdaFleet, caplog: pytest.LogCaptureFixture
) -> None:
    instance = fleet.launch()
    event = _scale_in(fleet, instance)
    malformed = ["{", "", "null", "[]", json.dumps({"kind": "drain-check"}), "x" * 300_000]
    assert _function(fleet).run(batch(*malformed, event), fleet.calls()) == {"batchItemFailures": []}
    assert fleet.status_of(instance) == "DRAINING"
    assert "message malformed" in caplog.text


@pytest.mark.parametrize("event", [None, 7, [], {"Records": 7}, {"Records": [None, 7, {}]}, "text"])
def test_any_input_is_accepted(fleet: LambdaFleet, event: Any) -> None:
    assert _function(fleet).run(event, fleet.calls()) == {"batchItemFailures": []}


def test_while_ecs_is_throttled_the_drain_is_postponed_and_later_completed(fleet: LambdaFleet) -> None:
    instance = fleet.launch()
    event = _scale_in(fleet, instance)
    fleet.plane.fail("ecs", "*", "ThrottlingException", times=1000)
    function = _function(fleet)
    started = fleet.clock.now()
    assert function.run(event, fleet.calls()) == {"batchItemFailures": []}
    assert fleet.clock.now() - started <= 20.0
    ((body, delay),) = fleet.queues.take(DRAIN_URL)
    assert delay == 15
    fleet.plane._failures.clear()
    function.run(batch(body), fleet.calls())
    assert fleet.status_of(instance) == "DRAINING"
    fleet.model.containers.task_exited(fleet.task_of(instance), 0, fleet.clock.now())
    _run_checks(fleet, function)
    assert fleet.model.accepted_completions(instance.id) == 1


def test_missing_permissions_fail_the_messages_and_not_those_that_succeeded(fleet: LambdaFleet) -> None:
    first, second = fleet.launch(), fleet.launch(registered=False)
    bodies = [_scale_in(fleet, each) for each in (first, second)]
    fleet.plane.fail("ecs", "UpdateContainerInstancesState", "AccessDeniedException")
    fleet.plane.fail("ecs", "ListTasks", "AccessDeniedException")
    function = _function(fleet)
    function.run(batch(*bodies), fleet.calls())
    assert fleet.model.accepted_completions(second.id) == 1
    fleet.plane.fail("autoscaling", "*", "AccessDenied")
    with pytest.raises(CallError, match="AccessDenied"):
        function.run(bodies[0], fleet.calls())
    fleet.plane.fail("autoscaling", "*", "AccessDenied")
    assert function.run(batch(bodies[0]), fleet.calls()) == {
        "batchItemFailures": [{"itemIdentifier": "message-0"}]
    }


def test_a_check_that_cannot_be_sent_fails_its_message_so_that_it_is_received_again(
    fleet: LambdaFleet,
) -> None:
    instance = fleet.launch()
    event = _scale_in(fleet, instance)
    fleet.queues.refuse = lambda entry: "drain-check" in entry["MessageBody"]
    assert _function(fleet).run(batch(event), fleet.calls()) == {
        "batchItemFailures": [{"itemIdentifier": "message-0"}]
    }
    with pytest.raises(CallError, match="SendMessage"):
        _function(fleet).run(event, fleet.calls())


def test_the_time_of_the_event_counts_not_the_time_of_its_delivery(fleet: LambdaFleet) -> None:
    instance = fleet.launch()
    event = _scale_in(fleet, instance)
    fleet.clock.advance(HOOK_S + 1.0)
    _function(fleet).run(event, fleet.calls())
    assert fleet.model.accepted_completions(instance.id) == 1
