"""The model of a fleet: the order of events, the states and the effects of interruptions and scale-ins."""

from __future__ import annotations

import json
import signal

import pytest
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel, NoActionError
from tests.servers.fleet_model.resources import DaemonService, Group, Hook, Instance

GROUP = "eddyline-cpu-spot"
START = 1_700_000_000.0


def fleet_of(effects: Recorded, *, launch_s: float | None = None, heartbeat_s: float = 900.0) -> FleetModel:
    fleet = FleetModel(effects=effects, launch_s=launch_s)
    fleet.add_group(
        Group(
            name=GROUP,
            desired=1,
            most=8,
            hooks={"drain": Hook(name="drain", heartbeat_s=heartbeat_s)},
            tags={"eddyline:pool": "cpu", "eddyline:purchase": "spot"},
        )
    )
    fleet.containers.add_service(DaemonService(name="cpu", cluster="cpu", family="cpu", stop_timeout_s=110))
    return fleet


def registered(fleet: FleetModel, now: float = START) -> Instance:
    instance = fleet.launch(now, group=GROUP)
    fleet.containers.register(instance, "cpu", now)
    return instance


def test_a_launch_emits_the_events_of_ec2_spot_and_auto_scaling() -> None:
    effects = Recorded()
    instance = registered(fleet_of(effects))
    kinds = effects.event_kinds()
    assert kinds[1:6] == [
        "AWS API Call via CloudTrail",
        "EC2 Spot Instance Request Fulfillment",
        "EC2 Instance State-change Notification",
        "EC2 Instance Launch Successful",
        "EC2 Instance State-change Notification",
    ]
    (item,) = effects.events[1]["detail"]["responseElements"]["instancesSet"]["items"]
    assert item["instanceId"] == instance.id
    assert {"key": "eddyline:pool", "value": "cpu"} in item["tagSet"]["items"]
    ids = [event["id"] for event in effects.events]
    assert len(set(ids)) == len(ids)


def test_a_warned_instance_ends_after_two_minutes_through_the_hook_and_is_replaced() -> None:
    effects = Recorded()
    fleet = fleet_of(effects, launch_s=30)
    instance = registered(fleet)
    assert fleet.warn(instance.id, START + 10) == START + 130
    action = json.loads(effects.metadata[instance.id]["spot/instance-action"])
    assert action == {"action": "terminate", "time": "2023-11-14T22:15:30Z"}
    fleet.advance(START + 129)
    assert instance.state == "running"
    fleet.advance(START + 131)
    assert instance.state == "terminated"
    assert effects.terminated == [instance.id]
    # The hook applies although the machine is gone, and has to be completed.
    assert instance.lifecycle_state == "Terminating:Wait"
    assert effects.event_kinds().count("EC2 Instance-terminate Lifecycle Action") == 2  # one is the test
    fleet.complete(instance.id, "", "drain", "CONTINUE", START + 140)
    assert instance.lifecycle_state == "Terminated"
    fleet.advance(START + 170)
    (replacement,) = fleet.members(GROUP)
    assert replacement.id != instance.id
    assert replacement.spot
    (of_task,) = fleet.containers.tasks.values()
    assert (of_task.last_status, of_task.stop_code) == ("STOPPED", "TerminationNotice")


def test_draining_sends_sigterm_and_after_the_stop_timeout_sigkill() -> None:
    effects = Recorded()
    fleet = fleet_of(effects)
    (container,) = fleet.containers.of_instance(registered(fleet).id)
    (task,) = fleet.containers.tasks_on(container.arn)
    fleet.containers.set_status(container.arn, "DRAINING", START + 1)
    fleet.containers.set_status(container.arn, "DRAINING", START + 2)
    fleet.advance(START + 110)
    assert effects.signals == [(task.arn, signal.SIGTERM)]
    fleet.advance(START + 111)
    assert effects.signals == [(task.arn, signal.SIGTERM), (task.arn, signal.SIGKILL)]
    fleet.containers.task_exited(task.arn, 137, START + 111)
    assert task.last_status == "DEPROVISIONING"
    fleet.advance(START + 300)
    assert task.last_status == "STOPPED"
    assert effects.started == [task.arn], "a draining container instance gets no new task"


def test_a_daemon_task_that_exits_on_an_active_container_instance_is_started_again() -> None:
    effects = Recorded()
    fleet = fleet_of(effects)
    registered(fleet)
    (first,) = effects.started
    fleet.containers.task_exited(first, 1, START + 10)
    fleet.advance(START + 14)
    assert effects.started == [first]
    fleet.advance(START + 16)
    assert len(effects.started) == 2


def test_a_hook_ends_by_its_timeout_which_heartbeats_extend_to_a_bound() -> None:
    effects = Recorded()
    fleet = fleet_of(effects, heartbeat_s=30)
    instance = registered(fleet)
    fleet.scale_in(instance.id, START)
    now = START
    for _ in range(400):  # one each 10 s: more than 100 timeouts
        now += 10
        fleet.advance(now)
        if instance.state == "terminated":
            break
        fleet.heartbeat(instance.id, "", "drain", now)
    assert now - START == 100 * 30
    with pytest.raises(NoActionError):
        fleet.heartbeat(instance.id, "", "drain", now)
    assert fleet.accepted_completions(instance.id) == 0


def test_a_group_without_capacity_reports_failed_launches() -> None:
    effects = Recorded()
    fleet = fleet_of(effects, launch_s=30)
    fleet.groups[GROUP].launch_failure = "Could not launch Spot Instances. InsufficientInstanceCapacity"
    for second in range(0, 200, 10):
        fleet.advance(START + second)
    failed = [event for event in effects.events if "Unsuccessful" in event["detail-type"]]
    assert len(failed) >= 3
    assert "InsufficientInstanceCapacity" in failed[0]["detail"]["StatusMessage"]
    assert fleet.members(GROUP) == []


def test_our_parser_reads_every_event_of_the_model() -> None:
    from eddyline.fleet.eventbridge_events import parse_event
    from eddyline.fleet.notices import Malformed

    effects = Recorded()
    fleet = fleet_of(effects, launch_s=30)
    instance = registered(fleet)
    fleet.rebalance(instance.id, START)
    fleet.warn(instance.id, START)
    fleet.advance(START + 121)
    fleet.complete(instance.id, "", "drain", "CONTINUE", START + 122)
    other = registered(fleet, START + 130)
    fleet.scale_in(other.id, START + 140)
    assert len(effects.events) > 20
    for event in effects.events:
        found = parse_event(event)
        assert not isinstance(found, Malformed), (event, found)
