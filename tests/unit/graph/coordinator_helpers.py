"""Helpers for the tests of coordinators: publications, reports, and a transport in memory."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from eddyline.core.errors import EddylineError, TransientError
from eddyline.graph.command import Command
from eddyline.graph.job import Outcome
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.messages import Delivery, JobResult, JobStarted, Publication, WorkerReport

LEASE_S = 90.0


def publish_due(ledger: Ledger, limit: int = 100, hold_s: float = 20.0) -> list[Publication]:
    """Takes the due publications and confirms them."""
    taken = ledger.publications.take(pools=("cpu",), limit=limit, hold_s=hold_s)
    ledger.publications.confirm(taken)
    return taken


def publish_one(ledger: Ledger) -> Publication:
    """Takes and confirms the only due publication."""
    (publication,) = publish_due(ledger)
    return publication


def job_started(publication: Publication, receipt: int = 1, worker: str = "ada") -> JobStarted:
    """The report of a worker that started the job after the given receipt of its message."""
    return JobStarted(
        job_id=publication.job.id,
        fence=publication.base + receipt,
        worker=worker,
        at=1.0,
        token=publication.token,
    )


def job_result(
    publication: Publication, outcome: Outcome, receipt: int = 1, worker: str = "ada"
) -> JobResult:
    """A worker's report of the outcome."""
    return JobResult(
        job_id=publication.job.id,
        fence=publication.base + receipt,
        worker=worker,
        at=1.0,
        outcome=outcome,
        token=publication.token,
    )


def apply_reports(ledger: Ledger, *reports: WorkerReport) -> int:
    """Applies the reports of one message; returns how many counted."""
    return ledger.apply_reports(reports, lease_s=LEASE_S).counted


@dataclass
class FakeTransport:
    """A transport in memory that loses, duplicates and reorders messages with the given probabilities."""

    rng: random.Random
    loss: float = 0.0
    duplicates: float = 0.0
    failure: float = 0.0
    queue: list[Publication] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    parked: list[tuple[Delivery, str]] = field(default_factory=list)
    command_queues: dict[str, list[Command]] = field(default_factory=dict)
    published: int = 0
    in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def job_queue(self, pool: str, priority: int) -> str | None:  # noqa: ARG002 - one queue for all priorities
        return pool if pool == "cpu" else None

    def publish(self, publications: Sequence[Publication]) -> list[EddylineError | None]:
        if self.rng.random() < self.failure:
            raise TransientError("the transport is unavailable")
        with self.lock:
            for each in publications:
                self.published += 1
                if self.rng.random() >= self.loss:
                    self.queue += [each] * (2 if self.rng.random() < self.duplicates else 1)
            self.rng.shuffle(self.queue)
        return [None] * len(publications)

    def send_commands(self, commands: Sequence[Command]) -> list[bool]:
        if self.rng.random() < self.failure:
            raise TransientError("the transport is unavailable")
        with self.lock:
            delivered = [command.worker in self.command_queues for command in commands]
            for command, has_queue in zip(commands, delivered, strict=True):
                if has_queue:
                    copies = 2 if self.rng.random() < self.duplicates else 1
                    self.command_queues[command.worker] += [command] * copies
        return delivered

    def delete_command_queues(self, workers: Sequence[str]) -> None:
        if self.rng.random() < self.failure:
            raise TransientError("the transport is unavailable")
        with self.lock:
            for worker in workers:
                self.command_queues.pop(worker, None)

    def delete_stale_command_queues(self, known: Collection[str]) -> int:
        with self.lock:
            stale = [worker for worker in self.command_queues if worker not in known]
            for worker in stale:
                del self.command_queues[worker]
        return len(stale)

    def receive_reports(self, wait_s: float) -> list[Delivery]:
        deadline = time.monotonic() + min(wait_s, 0.02)
        while not self.deliveries and time.monotonic() < deadline:
            time.sleep(0.001)
        with self.lock:
            self.rng.shuffle(self.deliveries)
            return self.deliveries[:10]

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        if self.rng.random() < self.failure:
            raise TransientError("the transport is unavailable")
        with self.lock:
            done = {each.receipt for each in deliveries if self.rng.random() >= self.duplicates}
            self.deliveries = [each for each in self.deliveries if each.receipt not in done]

    def park(self, delivery: Delivery, reason: str) -> None:
        with self.lock:
            self.parked.append((delivery, reason))
            self.deliveries = [each for each in self.deliveries if each.receipt != delivery.receipt]

    def queue_depths(self) -> Mapping[str, int]:
        with self.lock:
            return {"cpu": len(self.queue) + self.in_flight}

    def receive_job(self) -> Publication | None:
        with self.lock:
            if not self.queue:
                return None
            self.in_flight += 1
            return self.queue.pop()

    def report(self, *reports: WorkerReport) -> None:
        with self.lock:
            self.deliveries.append(Delivery(reports=reports, receipt=str(self.rng.random())))

    def settle_one(self) -> None:
        with self.lock:
            self.in_flight -= 1
