"""The EC2 instances of the workers: launched, warned of interruptions, reclaimed, replaced.

A model of the fleet (`tests/servers/fleet_model`) emits the events that EC2 and Auto Scaling would emit; the
workers read their notices from their metadata service.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.servers.fleet_model.events import Event
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import Group, Instance, Task
from tests.servers.imds import FakeMachine

from eddyline.fleet import names

_TYPE, _VCPU = "c5.9xlarge", 36
_ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")


@dataclass(kw_only=True)
class SpotFleet:
    """One instance for each worker; `pools` by worker number, `machines` their metadata services.

    `instances` has the current instance of each worker. `interrupted` lists the instances that Spot took.
    """

    prefix: str
    pools: Sequence[str]
    machines: Sequence[FakeMachine]
    clock: Callable[[], float] = time.time
    events: list[Event] = field(default_factory=list)
    on_event: Callable[[Event], None] = lambda _event: None
    instances: dict[int, Instance] = field(default_factory=dict)
    interrupted: list[str] = field(default_factory=list)
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
            self.model.add_group(Group(name=name, weights={_TYPE: _VCPU}, tags=tags))

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
        instance = self.model.launch(
            self.clock(),
            type=_TYPE,
            zone=_ZONES[number % len(_ZONES)],
            group=names.group_name(self.prefix, pool, spot=True),
        )
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
        self.model.warn(self.instances[number].id, self.clock(), notice_s=ahead_s)

    def is_warned(self, number: int) -> bool:
        """Whether the current instance of a worker will be interrupted."""
        return self.instances[number].terminate_at is not None

    def reclaim(self, number: int) -> None:
        """Spot takes a worker's instance; its processes are killed by the caller."""
        instance = self.instances[number]
        if instance.state != "running":
            return
        self.model.reclaim(instance.id, self.clock())
        self.interrupted.append(instance.id)

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
