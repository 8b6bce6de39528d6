"""Short words for the tests of coordinators: a ledger at a distance, and an exchange in memory."""

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


def offers(ledger: Ledger, limit: int = 100, hold_s: float = 20.0) -> list[Publication]:
    """Take what is due and say that it was published."""
    taken = ledger.publications.take(pools=("cpu",), limit=limit, hold_s=hold_s)
    ledger.publications.confirm(taken)
    return taken


def offer(ledger: Ledger) -> Publication:
    """The only one that is due."""
    (only,) = offers(ledger)
    return only


def start(offer: Publication, receipt: int = 1, worker: str = "ada") -> JobStarted:
    """A worker's word that it began, by the so-many-th receipt."""
    return JobStarted(
        job_id=offer.job.id, fence=offer.base + receipt, worker=worker, at=1.0, token=offer.token
    )


def answer(offer: Publication, outcome: Outcome, receipt: int = 1, worker: str = "ada") -> JobResult:
    """A worker's answer."""
    return JobResult(
        job_id=offer.job.id,
        fence=offer.base + receipt,
        worker=worker,
        at=1.0,
        outcome=outcome,
        token=offer.token,
    )


def say(ledger: Ledger, *facts: WorkerReport) -> int:
    """Apply facts, as one message; how many counted."""
    return ledger.apply_reports(facts, lease_s=LEASE_S).counted


@dataclass
class Post:
    """An exchange in memory that loses, doubles and shuffles as it is told: one of many sides."""

    rng: random.Random
    loses: float = 0.0
    doubles: float = 0.0
    fails: float = 0.0
    queue: list[Publication] = field(default_factory=list)
    said: list[Delivery] = field(default_factory=list)
    parked: list[tuple[Delivery, str]] = field(default_factory=list)
    boxes: dict[str, list[Command]] = field(default_factory=dict)
    published: int = 0
    in_hand: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def job_queue(self, pool: str, priority: int) -> str | None:  # noqa: ARG002 - one for all
        return pool if pool == "cpu" else None

    def publish(self, offers: Sequence[Publication]) -> list[EddylineError | None]:
        if self.rng.random() < self.fails:
            raise TransientError("the post is closed")
        with self.lock:
            for each in offers:
                self.published += 1
                if self.rng.random() >= self.loses:
                    self.queue += [each] * (2 if self.rng.random() < self.doubles else 1)
            self.rng.shuffle(self.queue)
        return [None] * len(offers)

    def send_commands(self, orders: Sequence[Command]) -> list[bool]:
        if self.rng.random() < self.fails:
            raise TransientError("the post is closed")
        with self.lock:
            there = [order.worker in self.boxes for order in orders]
            for order, yes in zip(orders, there, strict=True):
                if yes:
                    self.boxes[order.worker] += [order] * (2 if self.rng.random() < self.doubles else 1)
        return there

    def delete_command_queues(self, workers: Sequence[str]) -> None:
        if self.rng.random() < self.fails:
            raise TransientError("the post is closed")
        with self.lock:
            for worker in workers:
                self.boxes.pop(worker, None)

    def delete_stale_command_queues(self, known: Collection[str]) -> int:
        with self.lock:
            gone = [worker for worker in self.boxes if worker not in known]
            for worker in gone:
                del self.boxes[worker]
        return len(gone)

    def receive_reports(self, wait_s: float) -> list[Delivery]:
        give_up = time.monotonic() + min(wait_s, 0.02)
        while not self.said and time.monotonic() < give_up:
            time.sleep(0.001)
        with self.lock:
            self.rng.shuffle(self.said)
            return self.said[:10]

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        if self.rng.random() < self.fails:
            raise TransientError("the post is closed")
        with self.lock:
            done = {each.receipt for each in deliveries if self.rng.random() >= self.doubles}
            self.said = [each for each in self.said if each.receipt not in done]

    def park(self, delivery: Delivery, reason: str) -> None:
        with self.lock:
            self.parked.append((delivery, reason))
            self.said = [each for each in self.said if each.receipt != delivery.receipt]

    def queue_depths(self) -> Mapping[str, int]:
        with self.lock:
            return {"cpu": len(self.queue) + self.in_hand}

    def take(self) -> Publication | None:
        with self.lock:
            if not self.queue:
                return None
            self.in_hand += 1
            return self.queue.pop()

    def tell(self, *facts: WorkerReport) -> None:
        with self.lock:
            self.said.append(Delivery(reports=facts, receipt=str(self.rng.random())))

    def settled(self) -> None:
        with self.lock:
            self.in_hand -= 1
