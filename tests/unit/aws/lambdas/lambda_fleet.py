"""A modelled fleet behind the fake control plane, with clients and queues for the Lambda functions."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.servers.aws_control_plane import ControlPlane, control_plane
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import DaemonService, Group, Hook, Instance

from eddyline.aws.lambdas.calls import Calls
from eddyline.aws.lambdas.clients import Clients
from eddyline.aws.lambdas.settings import PoolSettings, Settings
from eddyline.core.clock import ManualClock
from eddyline.fleet.names import cluster_name, group_name, hook_name
from eddyline.fleet.rebalance_policy import RebalancePolicy

AT = 1_772_366_400.0
PREFIX = "eddyline"
FLEET_URL = "https://sqs.test/eddyline-fleet"
DRAIN_URL = "https://sqs.test/eddyline-drain"
HOOK_S = 900.0
SETTINGS = Settings(
    prefix=PREFIX,
    fleet_queue_url=FLEET_URL,
    drain_queue_url=DRAIN_URL,
    pools={
        "cpu": PoolSettings(hook_s=HOOK_S),
        "gpu": PoolSettings(hook_s=HOOK_S, rebalance=RebalancePolicy.REPLACE, max_replacements_per_hour=2),
    },
)


@dataclass
class RecordedQueues:
    """An SQS client that keeps messages. `refuse` decides, for each entry, whether SQS refuses it once."""

    sent: list[tuple[str, str, int]] = field(default_factory=list)
    refuse: Callable[[dict[str, Any]], bool] = lambda _entry: False

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert 0 < len(Entries) <= 10
        refused = [entry for entry in Entries if self.refuse(entry)]
        self.sent += [
            (QueueUrl, entry["MessageBody"], entry.get("DelaySeconds", 0))
            for entry in Entries
            if entry not in refused
        ]
        return {
            "Successful": [{"Id": entry["Id"]} for entry in Entries if entry not in refused],
            "Failed": [
                {"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"} for entry in refused
            ],
        }

    def bodies(self, url: str) -> list[Any]:
        return [json.loads(body) for to, body, _ in self.sent if to == url]

    def take(self, url: str) -> list[tuple[str, int]]:
        """Take the messages of one queue: body and delay."""
        found = [(body, delay) for to, body, delay in self.sent if to == url]
        self.sent = [each for each in self.sent if each[0] != url]
        return found


class FleetClients(Clients):
    """boto3 clients of the fake control plane, and the recorded queues in place of SQS."""

    def __init__(self, shared: Callable[[str], Any], queues: RecordedQueues) -> None:
        self._shared = shared
        self._queues = queues

    def create(self, service: str) -> Any:
        return self._queues if service == "sqs" else self._shared(service)


@dataclass(kw_only=True)
class LambdaFleet:
    """The fleet, its fake and what functions need to run on it. Waiting advances the clock."""

    clock: ManualClock
    plane: ControlPlane
    queues: RecordedQueues
    clients: Clients

    @property
    def model(self) -> FleetModel:
        return self.plane.fleet

    @property
    def effects(self) -> Recorded:
        effects = self.model.effects
        assert isinstance(effects, Recorded)
        return effects

    def calls(self, budget_s: float = 20.0) -> Calls:
        """The calls of one invocation."""
        now = self.clock.now
        return Calls(deadline=now() + budget_s, clock=now, wait=self.clock.advance, rng=random.Random(1))

    def launch(self, pool: str = "cpu", *, spot: bool = True, registered: bool = True) -> Instance:
        """An instance of a pool, with its container instance and the worker's task."""
        now = self.clock.now()
        instance = self.model.launch(now, group=group_name(PREFIX, pool, spot=spot), spot=spot)
        if registered:
            self.model.containers.register(instance, cluster_name(PREFIX, pool), now)
        return instance

    def status_of(self, instance: Instance) -> str:
        (found,) = (each for each in self.model.containers.instances.values() if each.instance == instance.id)
        return found.status

    def task_of(self, instance: Instance) -> str:
        (task,) = (each.arn for each in self.model.containers.tasks.values() if each.instance == instance.id)
        return task

    def last_event(self, detail_type: str) -> dict[str, Any]:
        return [event for event in self.effects.events if event["detail-type"] == detail_type][-1]

    def calls_made(self) -> list[str]:
        return [f"{call.service}:{call.operation}" for call in self.plane.calls]


def batch(*bodies: str | dict[str, Any]) -> dict[str, Any]:
    """The event with which Lambda passes a batch of SQS messages."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": "handle",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSource": "aws:sqs",
            }
            for number, body in enumerate(bodies)
        ]
    }


@contextmanager
def shared_plane() -> Iterator[tuple[ControlPlane, Callable[[str], Any]]]:
    """A fake control plane and its clients for many tests: a client takes long to create."""
    from botocore.config import Config

    with control_plane(FleetModel(effects=Recorded())) as plane:
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=50)
        yield plane, functools.cache(lambda service: plane.client(service, config=config))


def new_fleet(plane: ControlPlane, shared: Callable[[str], Any]) -> LambdaFleet:
    """Pools `cpu` and `gpu` on the plane, each with both groups, the drain hook and a service."""
    clock, effects = ManualClock(AT), Recorded()
    model = FleetModel(effects=effects)
    for pool in ("cpu", "gpu"):
        for spot in (True, False):
            name = group_name(PREFIX, pool, spot=spot)
            hook = Hook(name=hook_name(PREFIX), heartbeat_s=HOOK_S)
            tags = {
                "eddyline:prefix": PREFIX,
                "eddyline:pool": pool,
                "eddyline:purchase": "spot" if spot else "od",
            }
            model.add_group(Group(name=name, desired=100, most=10_000, hooks={hook.name: hook}, tags=tags))
        name = cluster_name(PREFIX, pool)
        model.containers.add_service(
            DaemonService(name=name, cluster=name, family=name, stop_timeout_s=HOOK_S)
        )
    model.add_group(Group(name="another-fleet-spot", desired=10))
    effects.events.clear()
    with plane.lock:
        plane.fleet, plane.clock = model, clock.now
        for state in (plane.calls, plane.limits, plane.latency_s, plane._failures):
            state.clear()
    queues = RecordedQueues()
    return LambdaFleet(clock=clock, plane=plane, queues=queues, clients=FleetClients(shared, queues))
