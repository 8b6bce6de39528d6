"""The shared services of a fleet: PostgreSQL, and S3 and SQS behind an unreliable network."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.disturbances import Mode
from tests.chaos.processes import Command
from tests.chaos.spot_fleet import HOOK_S, SpotFleet
from tests.servers.aws_api.token_bucket import TokenBucket
from tests.servers.aws_control_plane import KEYS, ControlPlane, control_plane
from tests.servers.event_delivery import delivered_to
from tests.servers.fleet_functions import fleet_functions
from tests.servers.imds import FakeMachine, machine
from tests.servers.lambda_runtime import LambdaRuntime
from tests.servers.ministack import Ministack, any_keys, running
from tests.servers.network import Proxy, proxy
from tests.unit.graph.postgres_server import Server

from eddyline.fleet import names
from eddyline.store.open_store import open_store
from eddyline.store.store import Store
from eddyline.store.store_settings import StoreSettings

QUEUES = "chaos"
_REGION = "us-east-1"
_EDDYLINE = (sys.executable, "-m", "eddyline")


def pool_of(number: int) -> str:
    """The pool of a worker."""
    return "light" if number % 4 == 3 else "cpu"


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """The lease, and the age of a publication before it is reconciled, in seconds."""

    lease_s: float = 6.0
    stale_s: float = 8.0
    poison_after: int = 100
    dead_after: int = 500


@dataclass(kw_only=True)
class Site:
    """The servers of a fleet, and the commands of the processes that use them."""

    folder: Path
    mode: Mode
    tuning: Tuning
    ledger: Server
    media: Ministack
    queue: Ministack
    store_proxy: Proxy
    network: Proxy
    machines: list[FakeMachine]
    fleet: SpotFleet
    plane: ControlPlane
    functions: LambdaRuntime | None = None
    bucket: str
    ledger_down: bool = False

    @property
    def store_address(self) -> str:
        """The address of the media store."""
        return f"s3://{self.bucket}/media"

    def open_store(self, address: str = "") -> Store:
        """The media store, for the harness itself."""
        settings = StoreSettings(endpoint=self.media.url, region=_REGION, credentials=any_keys)
        return open_store(address or self.store_address, settings)

    def upload(self, path: Path) -> str:
        """Upload footage to the media store's bucket; returns its address."""
        root = f"s3://{self.bucket}"
        self.open_store(root).put(f"footage/{path.name}", path)
        return f"{root}/footage/{path.name}"

    def worker(self, number: int) -> Command:
        """The command of a worker: three of four serve pool `cpu`, the fourth `light`."""
        pool = pool_of(number)
        share = ("--queues", QUEUES) if self.mode is Mode.SQS else ("--ledger", self.ledger.url)
        argv = (
            *(*_EDDYLINE, "worker", "--pool", pool, "--slots", "1", "--store", self.store_address, *share),
            *("--work", str(self.work(number)), "--lease", f"{self.tuning.lease_s:g}"),
        )
        endpoint = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.machines[number].url}
        return Command(argv=argv, environment={**self._environment(f"worker-{number}"), **endpoint})

    def coordinator(self, number: int) -> Command:
        """The command of a coordinator."""
        argv = (
            *(*_EDDYLINE, "coordinator", "--ledger", self.ledger.url, "--queues", QUEUES),
            *("--lease", f"{self.tuning.lease_s:g}"),
        )
        return Command(argv=argv, environment=self._environment(f"coordinator-{number}"))

    def submit(self, source: str, profile: Path) -> Command:
        """The command that submits one asset."""
        share = ("--queues", QUEUES) if self.mode is Mode.SQS else ()
        argv = (
            *(
                *_EDDYLINE,
                "submit",
                source,
                "--store",
                self.store_address,
                "--ledger",
                self.ledger.url,
                *share,
            ),
            *("--profile", str(profile), "--json"),
        )
        return Command(argv=argv, environment=self._environment("submit"))

    def work(self, number: int) -> Path:
        """The directory of a worker, as on a separate machine."""
        return self.folder / f"machine-{number}"

    def _environment(self, process: str) -> Mapping[str, str]:
        home = self.folder / "homes" / process
        home.mkdir(parents=True, exist_ok=True)
        kept = {
            name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH") if name in os.environ
        }
        return {
            **kept,
            "HOME": str(home),
            "TMPDIR": str(home),
            "PYTHONUNBUFFERED": "1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",  # of a fake
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
            **self.plane.environment,
            "AWS_ENDPOINT_URL_S3": self.store_proxy.url,
            "AWS_ENDPOINT_URL_SQS": self.network.url,
            "AWS_EC2_METADATA_DISABLED": "false" if process.startswith("worker") else "true",
            "EDDYLINE_POISON_AFTER": str(self.tuning.poison_after),
            "EDDYLINE_DEAD_AFTER": str(self.tuning.dead_after),
            "EDDYLINE_SWEEP_STALE_S": f"{self.tuning.stale_s:g}",
        }


@contextmanager
def site(folder: Path, *, mode: Mode, seed: int, tuning: Tuning, workers: int = 4) -> Iterator[Site]:
    """Start all servers. Raises the servers' `NoServerError` where one cannot be started."""
    with ExitStack() as stack:
        ledger = stack.enter_context(Server())
        media = stack.enter_context(running())
        queue = stack.enter_context(running(persistent=True))
        network = stack.enter_context(proxy(f"127.0.0.1:{queue.port}", random.Random(seed)))
        store_proxy = stack.enter_context(proxy(f"127.0.0.1:{media.port}", random.Random(seed + 2)))
        machines = [stack.enter_context(machine()) for _ in range(workers)]
        fleet = SpotFleet(
            prefix=QUEUES, pools=[pool_of(number) for number in range(workers)], machines=machines
        )
        plane = stack.enter_context(control_plane(fleet.model))
        fleet.lock = plane.lock
        started = Site(
            folder=folder,
            mode=mode,
            tuning=tuning,
            ledger=ledger,
            media=media,
            queue=queue,
            store_proxy=store_proxy,
            network=network,
            machines=machines,
            fleet=fleet,
            plane=plane,
            bucket=media.bucket(),
        )
        if mode is Mode.SQS:
            started.functions = stack.enter_context(_functions(started))
            fleet.on_event = stack.enter_context(delivered_to(started.functions.on_event))
        for number in range(workers):
            fleet.replace(number)
        yield started


@contextmanager
def _functions(site: Site) -> Iterator[LambdaRuntime]:
    """The Lambda functions, whose messages to the coordinators pass the unreliable network.

    The queues from which they receive events are on the other server, because AWS loses no messages.
    """
    site.plane.limits["ecs", "*"] = TokenBucket(burst=10, per_s=5)
    site.plane.limits["autoscaling", "*"] = TokenBucket(burst=10, per_s=5)
    with ExitStack() as stack:
        sqs, direct = (_sqs(server.url) for server in (site.media, site.queue))
        environment = {
            **site.plane.environment,
            "AWS_ENDPOINT_URL_SQS": site.network.url,
        }
        root = f"{site.queue.url}/000000000000"
        output = stack.enter_context((site.folder / "functions.log").open("w"))
        yield stack.enter_context(
            fleet_functions(
                QUEUES,
                pools=sorted(set(site.fleet.pools)),
                hook_s=HOOK_S,
                sqs=sqs,
                drain_sqs=direct,
                fleet_url=f"{root}/{names.fleet_queue(QUEUES)}",
                drain_url=f"{root}/{names.drain_queue(QUEUES)}",
                environment=environment,
                output=output,
                # EventBridge may deliver an event twice.
                repeat=dict.fromkeys((names.GENERAL_DRAIN, names.SPOT_DRAIN, names.SPOT_METRICS), 2),
            )
        )


def _sqs(url: str) -> Any:
    import boto3

    return boto3.client("sqs", endpoint_url=url, **KEYS)
