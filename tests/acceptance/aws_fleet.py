"""A fleet as on AWS, on this machine: modelled instances in Auto Scaling groups, workers as real processes.

S3, SQS and EventBridge are a local server, the ledger is PostgreSQL, ECS, Auto Scaling, EC2 and the metadata
services are fakes (tests/servers), and the Lambda functions run in this process.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.machines import Machines
from tests.integration.source_bucket import SourceBucket, bucket_with_eventbridge, client
from tests.servers.__main__ import exports
from tests.servers.fleet_functions import fleet_functions
from tests.servers.fleet_model.resources import DaemonService, Group, Hook, Instance, Task
from tests.servers.imds import FakeMachine
from tests.servers.lambda_runtime import LambdaRuntime
from tests.servers.ministack import Ministack
from tests.servers.running_fleet import RunningFleet, running_fleet
from tests.unit.graph.postgres_server import Server

from eddyline.fleet import names
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State

LEASE_S = "6"
VCPU = 2  # of each instance
TYPES = {"cpu": "c5.large", "light": "m5.large"}
ZONES = ("us-east-1a", "us-east-1b")
_LAUNCH_S = 1.0


@dataclass(kw_only=True)
class AwsFleet:
    """A running fleet; `source` is the bucket of the footage."""

    prefix: str
    machines: Machines
    running: RunningFleet
    source: SourceBucket
    ledger: Ledger
    lambdas: LambdaRuntime
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def launch(self, pool: str, *, spot: bool = True) -> Instance:
        """Raise the desired capacity of a group by one instance, and launch it."""
        group = names.group_name(self.prefix, pool, spot=spot)
        with self.running.plane.lock:
            self.running.model.groups[group].desired += VCPU
            return self.running.model.launch(
                time.time(), type=TYPES[pool], zone=self._zone(), spot=spot, group=group
            )

    def warn(self, instance: Instance, notice_s: float) -> float:
        """A Spot interruption notice; returns the time of the interruption."""
        with self.running.plane.lock:
            return self.running.model.warn(instance.id, time.time(), notice_s=notice_s)

    def running_chunks(self, instance: Instance) -> list[str]:
        """The ids of the chunks that the worker of an instance runs."""
        names_of = {worker.name for worker in self.ledger.workers() if worker.machine.instance == instance.id}
        running = self.ledger.jobs(state=State.RUNNING, kind="chunk")
        return [job.id for job in running if job.lease_owner in names_of]

    def members(self, pool: str) -> list[Instance]:
        """The instances in service of a pool's Spot group."""
        with self.running.plane.lock:
            return self.running.model.members(names.group_name(self.prefix, pool, spot=True))

    def exits(self, instance: Instance) -> list[int]:
        """The exit statuses of the tasks of an instance."""
        with self.running.plane.lock:
            tasks = self.running.model.containers.tasks
            return [status for arn, status in self.running.exits if tasks[arn].instance == instance.id]

    def _zone(self) -> str:
        return ZONES[next(self._numbers) % len(ZONES)]


@contextmanager
def aws_fleet(
    eddyline: tuple[str, ...],
    cloud: Ministack,
    folder: Path,
    *,
    pools: Sequence[str] = ("light", "cpu"),
    hook_s: float = 900.0,
    repeat: Mapping[str, int] | None = None,
) -> Iterator[AwsFleet]:
    """Servers, groups and functions of a fleet, without coordinators and instances.

    `repeat`: how often each event is delivered to a function, as EventBridge may repeat it.
    """
    prefix = f"aws{os.getpid()}"
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server())
        ledger = stack.enter_context(Ledger.open(server.url))
        source = bucket_with_eventbridge(cloud.url)
        shared = exports(server.url, cloud)
        shared |= {"EDDYLINE_STORE": f"s3://{source.bucket}/media", "EDDYLINE_QUEUES": prefix}
        machines = stack.enter_context(Machines(command=eddyline, folder=folder, shared=shared))
        running = RunningFleet(run=_worker_starter(machines, prefix))
        stack.enter_context(running_fleet(running, launch_s=_LAUNCH_S))
        machines.shared = {**shared, **running.plane.environment}
        sqs = client("sqs", cloud.url)
        fleet_url, drain_url = (
            sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
            for name in (names.fleet_queue(prefix), names.drain_queue(prefix))
        )
        runtime = stack.enter_context(
            fleet_functions(
                prefix,
                pools=pools,
                hook_s=hook_s,
                sqs=sqs,
                fleet_url=fleet_url,
                drain_url=drain_url,
                environment=machines.shared,
                repeat=repeat,
            )
        )
        running.on_event = runtime.on_event
        with running.plane.lock:
            _add_groups(running, prefix, pools, hook_s)
        yield AwsFleet(
            prefix=prefix, machines=machines, running=running, source=source, ledger=ledger, lambdas=runtime
        )


def _worker_starter(
    machines: Machines, prefix: str
) -> Callable[[Task, Instance, FakeMachine], subprocess.Popen[bytes]]:
    numbers = itertools.count()

    def start(task: Task, _instance: Instance, fake: FakeMachine) -> subprocess.Popen[bytes]:
        pool = task.cluster.removeprefix(f"{prefix}-")
        return machines.start(
            f"{pool}-{next(numbers)}",
            *("worker", "--pool", pool, "--slots", "1", "--lease", LEASE_S),
            EDDYLINE_LEDGER="",
            AWS_EC2_METADATA_DISABLED="false",
            AWS_EC2_METADATA_SERVICE_ENDPOINT=fake.url,
        )

    return start


def _add_groups(running: RunningFleet, prefix: str, pools: Sequence[str], hook_s: float) -> None:
    model = running.model
    hook = names.hook_name(prefix)
    for pool in pools:
        cluster = names.cluster_name(prefix, pool)
        model.containers.add_service(
            DaemonService(
                name=names.service_name(prefix, pool), cluster=cluster, family=cluster, stop_timeout_s=hook_s
            )
        )
        for spot in (True, False):
            tags = {
                names.TAG_PREFIX: prefix,
                names.TAG_POOL: pool,
                names.TAG_PURCHASE: "spot" if spot else "od",
            }
            model.add_group(
                Group(
                    name=names.group_name(prefix, pool, spot=spot),
                    hooks={hook: Hook(name=hook, heartbeat_s=hook_s)},
                    weights={TYPES[pool]: VCPU},
                    tags=tags,
                )
            )

    def on_launch(instance: Instance, now: float) -> None:
        found = names.parse_group(instance.group, prefix)
        if found is not None:
            instance.vcpu = VCPU
            running.join(instance, names.cluster_name(prefix, found[0]), now)

    def choose(group: Group) -> tuple[str, str]:
        found = names.parse_group(group.name, prefix)
        assert found is not None
        return TYPES[found[0]], ZONES[0]

    model.on_launch, model.choose = on_launch, choose
