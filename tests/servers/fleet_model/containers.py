"""ECS in a modelled fleet: clusters, container instances, tasks of DAEMON services. Methods take the time.

What ECS documents, and peers tripped over: DRAINING stops daemon tasks (SIGTERM, then SIGKILL after the stop
timeout); a task that stops has the desired status STOPPED and no longer counts as running, while its last
status passes DEACTIVATING, STOPPING and DEPROVISIONING; a daemon task that exits on an ACTIVE container
instance is started again.
"""

from __future__ import annotations

import itertools
import signal
from dataclasses import dataclass, field

from tests.servers.fleet_model.effects import Effects
from tests.servers.fleet_model.events import Events
from tests.servers.fleet_model.resources import (
    ACCOUNT,
    REGION,
    ContainerInstance,
    DaemonService,
    Instance,
    Task,
)


@dataclass(kw_only=True)
class Containers:
    """The clusters; `deprovision_s`: from the end of a container to STOPPED."""

    events: Events
    effects: Effects
    deprovision_s: float = 2.0
    clusters: set[str] = field(default_factory=set)
    services: dict[str, DaemonService] = field(default_factory=dict)
    instances: dict[str, ContainerInstance] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _restart_at: dict[tuple[str, str], float] = field(default_factory=dict)

    def add_service(self, service: DaemonService) -> None:
        """Create a DAEMON service, and its cluster."""
        self.clusters.add(service.cluster)
        self.services[service.name] = service

    def register(self, instance: Instance, cluster: str, now: float) -> ContainerInstance:
        """Register an instance; the daemon services of the cluster start their tasks on it."""
        self.clusters.add(cluster)
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/{cluster}/{next(self._numbers):032x}"
        found = ContainerInstance(arn=arn, cluster=cluster, instance=instance.id, registered_at=now)
        self.instances[arn] = found
        self._changed(found, now)
        for service in self.services.values():
            if service.cluster == cluster:
                self._start(service, found, now)
        return found

    def of_instance(self, instance: str) -> list[ContainerInstance]:
        """The container instances of an EC2 instance that are not INACTIVE."""
        return [
            found
            for found in self.instances.values()
            if found.instance == instance and found.status != "INACTIVE"
        ]

    def tasks_on(self, arn: str) -> list[Task]:
        """All tasks of a container instance."""
        return [task for task in self.tasks.values() if task.container_instance == arn]

    def running_count(self, arn: str) -> int:
        """ECS' runningTasksCount: tasks that run and shall run."""
        return sum(task.last_status == task.desired_status == "RUNNING" for task in self.tasks_on(arn))

    def set_status(self, arn: str, status: str, now: float) -> None:
        """Set ACTIVE or DRAINING; the same status again changes nothing."""
        found = self.instances[arn]
        if found.status == status:
            return
        found.status = status
        self._changed(found, now)
        if status == "DRAINING":
            for task in self.tasks_on(arn):
                self._stop(task, now, "ServiceSchedulerInitiated", "Scaling activity initiated by draining")

    def connect(self, arn: str, *, connected: bool, now: float) -> None:
        """The agent lost or regained its connection, which happens in normal operation."""
        self.instances[arn].agent_connected = connected
        self._changed(self.instances[arn], now)

    def task_running(self, arn: str, now: float) -> None:
        """The container of a task runs."""
        self._moved(self.tasks[arn], "RUNNING", now)

    def task_exited(self, arn: str, exit_code: int, now: float) -> None:
        """The container of a task ended, by itself or by a signal."""
        task = self.tasks[arn]
        if task.exit_code is not None or task.is_over:
            return
        task.exit_code, task.kill_at, task.gone_at = exit_code, None, now + self.deprovision_s
        if not task.stop_code:
            task.stop_code, task.stopped_reason = "EssentialContainerExited", "Essential container exited"
        task.desired_status = "STOPPED"
        self._moved(task, "DEPROVISIONING", now)
        service = self.services.get(task.service)
        if service is not None:
            self._restart_at[task.service, task.container_instance] = now + service.restart_s

    def deploy(self, service: str, revision: int, now: float) -> None:
        """A new task revision: the tasks of the old one stop (0/100 %), unless they are protected."""
        found = self.services[service]
        found.revision = revision
        for task in self.tasks.values():
            protected = task.protected_until is not None and task.protected_until > now
            if task.service == service and task.desired_status == "RUNNING" and not protected:
                self._stop(task, now, "ServiceSchedulerInitiated", "a new deployment")

    def terminated(self, instance: str, now: float) -> None:
        """The machine is gone: its tasks stop, its container instances are deregistered."""
        for found in self.of_instance(instance):
            for task in self.tasks_on(found.arn):
                if not task.is_over:
                    task.desired_status, task.exit_code = "STOPPED", task.exit_code or 137
                    task.stop_code = task.stop_code or "TerminationNotice"
                    task.kill_at = task.gone_at = None
                    task.stopped_at = now
                    self._moved(task, "STOPPED", now)
            found.status, found.agent_connected = "INACTIVE", False
            self._changed(found, now)
            self._restart_at = {key: at for key, at in self._restart_at.items() if key[1] != found.arn}

    def advance(self, now: float) -> None:
        """Do what is due at `now`: SIGKILL, the end of tasks, the restart of daemon tasks."""
        for task in list(self.tasks.values()):
            if task.kill_at is not None and now >= task.kill_at and task.exit_code is None:
                task.kill_at = None
                self.effects.stop(task, signal.SIGKILL)
            if task.gone_at is not None and now >= task.gone_at:
                task.gone_at, task.stopped_at = None, now
                self._moved(task, "STOPPED", now)
        for (service, arn), at in list(self._restart_at.items()):
            if now >= at:
                del self._restart_at[service, arn]
                if self.instances[arn].status == "ACTIVE":
                    self._start(self.services[service], self.instances[arn], now)

    def _start(self, service: DaemonService, found: ContainerInstance, now: float) -> None:
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{found.cluster}/{next(self._numbers):032x}"
        family = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{service.family}:{service.revision}"
        task = Task(
            arn=arn,
            cluster=found.cluster,
            service=service.name,
            definition=family,
            container_instance=found.arn,
            instance=found.instance,
            created_at=now,
            stop_timeout_s=service.stop_timeout_s,
        )
        self.tasks[arn] = task
        self.effects.emit(self.events.task(task, now))
        self.effects.start(task)
        if task.last_status == "PENDING":  # the start of the container may have failed
            self._moved(task, "RUNNING", now)

    def _stop(self, task: Task, now: float, code: str, reason: str) -> None:
        if task.desired_status == "STOPPED":
            return
        task.desired_status, task.stop_code, task.stopped_reason = "STOPPED", code, reason
        task.stopping_at, task.kill_at = now, now + task.stop_timeout_s
        self._moved(task, "DEACTIVATING", now)
        self._moved(task, "STOPPING", now)
        self.effects.stop(task, signal.SIGTERM)

    def _moved(self, task: Task, status: str, now: float) -> None:
        task.last_status = status
        task.version += 1
        self.effects.emit(self.events.task(task, now))

    def _changed(self, found: ContainerInstance, now: float) -> None:
        found.version += 1
        self.effects.emit(self.events.container_instance(found, self.running_count(found.arn), now))
