"""A modelled fleet with real processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from tests.servers.fleet_model.events import Event
from tests.servers.fleet_model.resources import DaemonService, Group, Hook, Instance, Task
from tests.servers.imds import FakeMachine
from tests.servers.running_fleet import RunningFleet, running_fleet
from tests.waiting import wait_until

_SLEEPER = (
    "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(0));print(1, flush=True); time.sleep(60)"
)
_STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"


@pytest.fixture
def delivered() -> list[Event]:
    return []


def program(code: str) -> RunningFleet:
    def run(_task: Task, _instance: Instance, _machine: FakeMachine) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert process.stdout is not None
        with process.stdout:
            process.stdout.readline()  # it handles signals now
        return process

    return RunningFleet(run=run)


@pytest.fixture
def fleet(request: pytest.FixtureRequest, delivered: list[Event]) -> Iterator[RunningFleet]:
    found = program(getattr(request, "param", _SLEEPER))
    found.on_event, found.times = delivered.append, 2
    with running_fleet(found) as running:
        with running.plane.lock:
            running.model.add_group(
                Group(name="cpu-spot", hooks={"drain": Hook(name="drain", heartbeat_s=30)})
            )
            running.model.containers.add_service(
                DaemonService(name="cpu", cluster="cpu", family="cpu", stop_timeout_s=1.0, restart_s=0.2)
            )
            running.model.containers.deprovision_s = 0.2
        yield running


def joined(fleet: RunningFleet) -> Instance:
    with fleet.plane.lock:
        instance = fleet.model.launch(time.time(), group="cpu-spot")
        fleet.join(instance, "cpu", time.time())
    return instance


@pytest.mark.parametrize(("fleet", "status"), [(_SLEEPER, 0), (_STUBBORN, -9)], indirect=["fleet"])
def test_draining_stops_the_process_of_a_task_and_kills_it_after_the_stop_timeout(
    fleet: RunningFleet, status: int
) -> None:
    instance = joined(fleet)
    (container,) = fleet.model.containers.of_instance(instance.id)
    fleet.plane.client("ecs").update_container_instances_state(
        cluster="cpu", containerInstances=[container.arn], status="DRAINING"
    )
    (task,) = fleet.model.containers.tasks_on(container.arn)
    wait_until(lambda: task.is_over, timeout_s=10)
    assert fleet.exits == [(task.arn, status)]


def test_a_terminated_instance_kills_its_processes_and_events_are_repeated(
    fleet: RunningFleet, delivered: list[Event]
) -> None:
    instance = joined(fleet)
    (process,) = fleet.processes.values()
    with fleet.plane.lock:
        fleet.model.warn(instance.id, time.time(), notice_s=0.5)
    assert "terminate" in fleet.machines[instance.id].responses["spot/instance-action"]
    assert process.wait(10) == -9
    wait_until(lambda: fleet.delivered, timeout_s=10)
    ids = [event["id"] for event in delivered]
    assert sorted(ids) == sorted([event["id"] for event in fleet.events] * 2)
    assert not fleet.errors


def test_a_process_that_exits_on_an_active_instance_is_started_again(fleet: RunningFleet) -> None:
    joined(fleet)
    (process,) = list(fleet.processes.values())
    process.kill()
    wait_until(lambda: len(fleet.processes) == 2, timeout_s=10)
