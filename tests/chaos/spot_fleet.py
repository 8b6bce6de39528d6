"""The EC2 instances of the workers: launched, warned of interruptions, reclaimed, replaced.

A model of the fleet (`tests/servers/fleet_model`) emits the events that EC2 and Auto Scaling would emit; the
workers read their notices from their metadata service.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from tests.servers.fleet_model.events import Event
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import DaemonService, Group, Hook, Instance, Task
from tests.servers.imds import FakeMachine

from eddyline.fleet import names

HOOK_S = 900.0
_TYPE, _VCPU = "c5.9xlarge", 36
_ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")


@dataclass(kw_only=True)
class SpotFleet:
    """One instance for each worker; `pools` by worker number, `machines` their metadata services.

    `lock` guards the model, which the fake control plane changes in other threads.

    `instances` has the current instance of each worker. `interrupted` lists the instances that Spot took,
    `warned_at` has the times of their notices.
    """

    prefix: str
    pools: Sequence[str]
    machines: Sequence[FakeMachine]
    clock: Callable[[], float] = time.time
    events: list[Event] = field(default_factory=list)
    on_event: Callable[[Event], None] = lambda _event: None
    lock: threading.RLock = field(default_factory=threading.RLock)
    instances: dict[int, Instance] = field(default_factory=dict)
    interrupted: list[str] = field(default_factory=list)
    warned_at: dict[str, float] = field(default_factory=dict)
    model: FleetModel = field(init=False)

    def __post_init__(self) -> None:
        self.model = FleetModel(effects=self)
        for pool in dict.fromkeys(self.pools):
            tags = {
                names.TAG_PREFIX: self.prefix,
                names.TAG_POOL: pool,
                names.TAG_PURCHASE: "spot",
            }
            name = names.group_name(self.prefix, pool, spot=True)
            hook = Hook(name=names.hook_name(self.prefix), heartbeat_s=HOOK_S)
            self.model.add_group(Group(name=name, weights={_TYPE: _VCPU}, hooks={hook.name: hook}, tags=tags))
            cluster = names.cluster_name(self.prefix, pool)
            self.model.containers.add_service(DaemonService(name=cluster, cluster=cluster, family=cluster))

    def members(self, pool: str) -> list[int]:
        """The workers of a pool."""
        return [number for number, found in enumerate(self.pools) if found == pool]

    def replace(self, number: int) -> None:
        """Give a worker a new instance, without a notice, unless its instance still runs without one."""
        current = self.instances.get(number)
        if current is not None and current.state == "running" and current.terminate_at is None:
            return
        if current is not None and current.state == "running":
            self.reclaim(number)
        pool = self.pools[number]
        with self.lock:
            instance = self.model.launch(
                self.clock(),
                type=_TYPE,
                zone=_ZONES[number % len(_ZONES)],
                group=names.group_name(self.prefix, pool, spot=True),
            )
            self.model.containers.register(instance, names.cluster_name(self.prefix, pool), self.clock())
        fake = self.machines[number]
        fake.responses = {
            "instance-id": instance.id,
            "instance-type": instance.type,
            "instance-life-cycle": "spot",
            "placement/availability-zone": instance.zone,
        }
        fake.forget_tokens()
        self.instances[number] = instance

    def warn(self, number: int, ahead_s: float) -> None:
        """Spot announces the interruption of a worker's instance."""
        with self.lock:
            self.model.warn(self.instances[number].id, self.clock(), notice_s=ahead_s)
            self.warned_at[self.instances[number].id] = self.clock()

    def is_warned(self, number: int) -> bool:
        """Whether the current instance of a worker will be interrupted."""
        return self.instances[number].terminate_at is not None

    def reclaim(self, number: int) -> None:
        """Spot takes a worker's instance; its processes are killed by the caller."""
        instance = self.instances[number]
        if instance.state != "running":
            return
        with self.lock:
            self.model.reclaim(instance.id, self.clock())
        self.interrupted.append(instance.id)

    def incomplete_hooks(self) -> dict[str, int]:
        """How often the hook of each interrupted instance was completed, where that is not once."""
        with self.lock:
            found = {each: self.model.accepted_completions(each) for each in self.interrupted}
        return {instance: times for instance, times in found.items() if times != 1}

    def not_drained(self, drained: Collection[str], within_s: float) -> list[str]:
        """Instances that ran `within_s` after their notice although no call set them to DRAINING."""
        with self.lock:
            containers = {each.instance: each.arn for each in self.model.containers.instances.values()}
            ends = {each: self.model.instances[each].terminated_at for each in self.warned_at}
        return [
            instance
            for instance, at in self.warned_at.items()
            if containers[instance] not in drained and (ends[instance] or math.inf) - at >= within_s
        ]

    # Effects of the model

    def start(self, task: Task) -> None:
        """The harness starts the workers."""

    def stop(self, task: Task, number: signal.Signals) -> None:
        """The harness stops the workers."""

    def terminate(self, instance: Instance) -> None:
        """The harness kills the workers."""

    def set_metadata(self, instance: str, path: str, value: str) -> None:
        """Set a value in the metadata service of the worker on that instance."""
        for number, found in self.instances.items():
            if found.id == instance:
                self.machines[number].responses[path] = value

    def emit(self, event: Event) -> None:
        """Keep and pass on an event."""
        self.events.append(event)
        self.on_event(event)
