"""Ledgers, queues on a local server, and coordinators, for tests of brokers."""

from __future__ import annotations

import itertools
import os
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from eddyline.aws.clients import open_client
from eddyline.aws.sqs.broker import SqsBroker
from eddyline.aws.sqs.client import QueueNames, SqsClient
from eddyline.aws.sqs.in_flight import MAX_IN_FLIGHT_S
from eddyline.aws.sqs.transport import SqsTransport
from eddyline.core.stop import Stop
from eddyline.graph.coordinator.coordinator import Coordinator
from eddyline.graph.events import CoordinatorEvent
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.outbox.reconcile import ReconcileLimits
from eddyline.graph.machine import UNKNOWN_MACHINE, Machine
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.direct import DirectBroker

REGION = "us-east-1"
LEASE_S = 2.0
_numbers = itertools.count(1)


def queue_names(prefix: str | None = None) -> QueueNames:
    """The names of queues that no other test uses."""
    return QueueNames(prefix=prefix or f"t{os.getpid()}-{next(_numbers)}", pools=("cpu",), priorities=(0, 10))


def queues(endpoint: str, names: QueueNames, *, max_receive_count: int = 10) -> SqsClient:
    return SqsClient(
        open_client("sqs", endpoint=endpoint, region=REGION), names, max_receive_count=max_receive_count
    )


@dataclass
class DirectSite:
    """A ledger that workers use directly."""

    ledger: Ledger

    def broker(self, *, machine: Machine = UNKNOWN_MACHINE) -> Broker:
        return DirectBroker(self.ledger, machine=machine)

    def close(self) -> None:
        self.ledger.close()


@dataclass
class QueueSite:
    """A ledger, its queues, and a coordinator in this process; workers use only the queues."""

    endpoint: str
    location: str | Path
    max_receive_count: int = 10
    bounds: ReconcileLimits = field(default_factory=ReconcileLimits)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.names = queue_names()
        self.queues = queues(self.endpoint, self.names, max_receive_count=self.max_receive_count)
        self.queues.ensure_queues()
        self.ledger = Ledger.open(self.location, publishes=True)
        self.transport = SqsTransport(self.queues)
        self.brokers: list[SqsBroker] = []
        self.start_coordinator()

    def start_coordinator(self) -> None:
        """Starts a coordinator."""
        self.stop = Stop()
        coordinator = Coordinator(
            self.ledger,
            self.transport,
            pools=self.names.pools,
            stop=self.stop,
            lease_s=3 * LEASE_S,
            sweep_every_s=0.3,
            bounds=self.bounds,
            on_event=self._count,
        )
        self.thread = threading.Thread(target=coordinator.run)
        self.thread.start()

    def stop_coordinator(self) -> None:
        """Stops the coordinator."""
        self.stop.request("the test stops the coordinator")
        self.thread.join(10)

    def _count(self, event: CoordinatorEvent) -> None:
        self.counts[event.kind] += event.count

    def broker(
        self, *, max_in_flight_s: float = MAX_IN_FLIGHT_S, machine: Machine = UNKNOWN_MACHINE
    ) -> SqsBroker:
        client = queues(self.endpoint, self.names, max_receive_count=self.max_receive_count)
        broker = SqsBroker(
            client, visibility_s=LEASE_S, wait_s=1, max_in_flight_s=max_in_flight_s, machine=machine
        )
        self.brokers.append(broker)
        return broker

    def close(self) -> None:
        for each in self.brokers:
            each.close()
        self.stop_coordinator()
        self.transport.close()
        self.ledger.close()
