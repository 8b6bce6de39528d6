"""A modelled fleet whose containers are real processes, with a metadata service for each instance.

The model advances by the clock in a thread; another thread delivers its events. Each instance that registers
with a cluster runs the tasks of the cluster's DAEMON services: processes that `run` starts.
"""

from __future__ import annotations

import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.servers.aws_control_plane import ControlPlane, control_plane
from tests.servers.fleet_model.events import Event
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import Instance, Task
from tests.servers.imds import FakeMachine, machine

_TICK_S = 0.05
Run = Callable[[Task, Instance, FakeMachine], "subprocess.Popen[bytes]"]


@dataclass(kw_only=True)
class RunningFleet:
    """Effects of a model on processes and metadata services. Hold `plane.lock` while changing the model.

    `run` starts the container of a task. `on_event` gets every event `times` times: EventBridge may repeat
    events; what it raises is kept in `errors`. `exits` lists the ended tasks with their exit status.
    """

    run: Run
    on_event: Callable[[Event], None] = lambda _event: None
    times: int = 1
    machines: dict[str, FakeMachine] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    exits: list[tuple[str, int]] = field(default_factory=list)
    model: FleetModel = field(init=False)
    plane: ControlPlane = field(init=False)
    _stack: ExitStack = field(default_factory=ExitStack)
    _queue: queue.SimpleQueue[Event | None] = field(default_factory=queue.SimpleQueue)
    _undelivered: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    def join(self, instance: Instance, cluster: str, now: float) -> None:
        """Give an instance its metadata service, and register it with a cluster."""
        fake = self._stack.enter_context(machine())
        lifecycle = "spot" if instance.spot else "on-demand"
        fake.responses |= {
            "instance-id": instance.id,
            "instance-type": instance.type,
            "placement/availability-zone": instance.zone,
            "instance-life-cycle": lifecycle,
            "autoscaling/target-lifecycle-state": "InService",
        }
        self.machines[instance.id] = fake
        self.model.containers.register(instance, cluster, now)

    # Effects of the model

    def start(self, task: Task) -> None:
        """Start the process of a task."""
        instance = self.model.instances[task.instance]
        self.processes[task.arn] = self.run(task, instance, self.machines[instance.id])

    def stop(self, task: Task, number: signal.Signals) -> None:
        """Send a signal to the process of a task."""
        self.processes[task.arn].send_signal(number)

    def set_metadata(self, instance: str, path: str, value: str) -> None:
        """Set a value of an instance's metadata service, if it has one."""
        if instance in self.machines:
            self.machines[instance].responses[path] = value

    def terminate(self, instance: Instance) -> None:
        """Kill the processes of an instance."""
        for task in self.model.containers.tasks.values():
            if task.instance == instance.id and task.arn in self.processes:
                self.processes[task.arn].kill()

    def emit(self, event: Event) -> None:
        """Keep an event, and deliver it in another thread."""
        self.events.append(event)
        self._undelivered += self.times
        for _ in range(self.times):
            self._queue.put(event)

    # Threads

    def deliver(self) -> None:
        """Deliver events until the end."""
        while (event := self._queue.get()) is not None:
            try:
                self.on_event(event)
            except Exception as error:  # noqa: BLE001 - the test examines it
                self.errors.append(error)
            with self.plane.lock:
                self._undelivered -= 1

    def advance(self) -> None:
        """Advance the model by the clock until the end."""
        while not self._ended.wait(_TICK_S):
            with self.plane.lock:
                now = self.plane.clock()
                for arn, process in self.processes.items():
                    task = self.model.containers.tasks[arn]
                    status = process.poll()
                    if status is not None and arn not in {known for known, _ in self.exits}:
                        self.exits.append((arn, status))
                        if not task.is_over:
                            self.model.containers.task_exited(arn, status, now)
                self.model.advance(now)

    @property
    def delivered(self) -> bool:
        """Whether all events so far were delivered."""
        with self.plane.lock:
            return self._undelivered == 0

    def end(self) -> None:
        """Stop both threads and kill the processes."""
        self._ended.set()
        self._queue.put(None)
        for process in self.processes.values():
            process.kill()
            process.wait()


@contextmanager
def running_fleet(
    effects: RunningFleet, *, launch_s: float | None = None, clock: Callable[[], float] = time.time
) -> Iterator[RunningFleet]:
    """A model with a control plane whose effects are `effects`; ends its processes."""
    effects.model = FleetModel(effects=effects, launch_s=launch_s)
    with control_plane(effects.model, clock=clock) as effects.plane, effects._stack:
        threads = [threading.Thread(target=run) for run in (effects.deliver, effects.advance)]
        for thread in threads:
            thread.start()
        try:
            yield effects
        finally:
            effects.end()
            for thread in threads:
                thread.join()
