"""A coordinator's side of SQS: publications out, answers in."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from eddyline.aws.client_errors import NoQueueError, QueueError
from eddyline.aws.sqs.client import Message, SqsClient
from eddyline.aws.sqs.message_body import seal, unseal
from eddyline.core.background_loop import report
from eddyline.core.errors import EddylineError
from eddyline.graph.command import Command
from eddyline.graph.coordinator.wire import (
    WireError,
    check_job_names,
    command_to_json,
    publication_to_json,
    report_from_json,
)
from eddyline.graph.messages import Delivery, Publication, UnpublishableError, WorkerReport

# A coordinator that vanishes with answers in hand delays them by this much; a slow one has others record them
# too, which does no harm.
_VISIBILITY_S = 5.0
_AT_ONCE = 4
_STRAY_S = 3600.0  # a worker that is known to nobody for so long is gone, or makes its mailbox anew
_MOST_FACTS = 10_000


class SqsTransport:
    """What a `graph.coordinator.Coordinator` needs, on SQS. Makes the queues when they are missing.

    `stray_s`: a mailbox that belonged to nobody for so long, whenever it was looked at, is removed.
    """

    def __init__(self, queues: SqsClient, *, stray_s: float = _STRAY_S) -> None:
        self._queues = queues
        self._stray_s = stray_s
        self._strays: dict[str, float] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="publish")
        self._carriers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="order")
        self._messages: dict[str, Message] = {}

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown()
        self._carriers.shutdown()

    def lane(self, pool: str, priority: int) -> str | None:
        """The queue's name for such jobs; None if their class has none."""
        return self._queues.naming.lane(pool, priority)

    def publish(self, offers: Sequence[Publication]) -> list[EddylineError | None]:
        """Send jobs to their queues; for each None, or why it is not there."""
        lanes: defaultdict[str, list[tuple[int, str, str]]] = defaultdict(list)
        found: list[EddylineError | None] = [None] * len(offers)
        for number, offer in enumerate(offers):
            lane = self.lane(offer.job.pool, offer.job.priority)
            if lane is None:
                found[number] = NoQueueError(f"there is no queue for jobs of pool {offer.job.pool}")
                continue
            try:
                lanes[lane].append((number, _sealed(offer), _group(offer.job.owner)))
            except UnpublishableError as error:
                found[number] = error
        parts = [
            (lane, entries[start : start + 10])
            for lane, entries in lanes.items()
            for start in range(0, len(entries), 10)
        ]
        for (_, entries), answers in zip(parts, self._pool.map(self._send, parts), strict=True):
            for (number, _, _), answer in zip(entries, answers, strict=True):
                found[number] = answer
        return found

    def _send(self, part: tuple[str, list[tuple[int, str, str]]]) -> list[EddylineError | None]:
        lane, entries = part
        bodies = [body for _, body, _ in entries]
        try:
            there = self._queues.send(lane, bodies, groups=[group for _, _, group in entries])
        except EddylineError as error:
            if isinstance(error, NoQueueError):
                self._make_queues()
            return [error] * len(entries)
        return [None if yes else QueueError(f"{lane} did not take a job") for yes in there]

    def _make_queues(self) -> None:
        """Where that cannot be done now, whoever misses one next does it."""
        with contextlib.suppress(QueueError):
            self._queues.ensure()

    def order(self, orders: Sequence[Command]) -> list[bool]:
        """Put orders into their workers' mailboxes; False: this worker has none (yet)."""
        boxes: defaultdict[str, list[int]] = defaultdict(list)
        for number, order in enumerate(orders):
            boxes[self._queues.naming.mailbox(order.worker)].append(number)
        parts = [
            (box, [seal(command_to_json(orders[number])) for number in numbers])
            for box, numbers in boxes.items()
        ]
        sent = [False] * len(orders)
        for numbers, answers in zip(boxes.values(), self._carriers.map(self._deliver, parts), strict=True):
            for number, yes in zip(numbers, answers, strict=True):
                sent[number] = yes
        return sent

    def _deliver(self, part: tuple[str, list[str]]) -> list[bool]:
        box, bodies = part
        try:
            return self._queues.send(box, bodies)
        except QueueError:
            return [False] * len(bodies)

    def forget(self, workers: Sequence[str]) -> None:
        """Remove the mailboxes of workers that are gone; one that lives after all makes its own anew."""
        for worker in workers:
            self._queues.remove(self._queues.naming.mailbox(worker))

    def tidy(self, known: Collection[str]) -> int:
        """Remove mailboxes that have long belonged to none of these workers; how many."""
        naming = self._queues.naming
        theirs = {naming.mailbox(worker) for worker in known}
        found = {name for name in self._queues.named(naming.mailboxes) if naming.is_mailbox(name)}
        now = time.monotonic()
        self._strays = {name: self._strays.get(name, now) for name in found - theirs}
        gone = [name for name, since in self._strays.items() if now - since >= self._stray_s]
        for name in gone:
            self._queues.remove(name)
        return len(gone)

    def collect(self, wait_s: float) -> list[Delivery]:
        """What workers said. Messages that cannot be read are parked here, and hold up no others."""
        try:
            messages = self._queues.receive(
                self._queues.naming.answers, limit=10, wait_s=wait_s, visibility_s=_VISIBILITY_S
            )
        except NoQueueError:
            self._queues.ensure()
            raise
        deliveries = []
        for message in messages:
            try:
                facts = read_reports(message.body)
            except WireError as error:
                self._put_aside(message, str(error))
                continue
            except Exception as error:  # noqa: BLE001 - no message may bring the coordinators down
                report("reports", error)
                self._put_aside(message, f"reading it failed: {type(error).__name__}")
                continue
            self._messages[message.handle] = message
            deliveries.append(Delivery(facts=facts, receipt=message.handle, waited_s=message.waited_s))
        return deliveries

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Delete what has been recorded."""
        try:
            self._queues.delete([self._messages[each.receipt] for each in deliveries])
        except NoQueueError:  # they went with it, and whoever waited for that would hear nobody any more
            self._make_queues()
        for each in deliveries:
            self._messages.pop(each.receipt, None)

    def park(self, delivery: Delivery, reason: str) -> None:
        """Move what cannot be recorded to the dead letters."""
        self._put_aside(self._messages.pop(delivery.receipt), reason)

    def _put_aside(self, message: Message, reason: str) -> None:
        """Park a message; where that cannot be done now, it comes again."""
        try:
            self._queues.park(message, reason)
        except NoQueueError:
            self._make_queues()
        except QueueError:
            return

    def depths(self) -> Mapping[str, int]:
        """By queue, about how many messages it holds."""
        try:
            return {lane: self._queues.depth(lane) for lane in self._queues.naming.lanes}
        except NoQueueError:
            self._queues.ensure()
            raise


def read_reports(body: str) -> tuple[WorkerReport, ...]:
    """What a message of the queue of reports says; raises `WireError` for anything else."""
    value = unseal(body)
    facts = value.get("facts") if isinstance(value, dict) and value.get("v") == 1 else None
    if not isinstance(facts, list) or len(facts) > _MOST_FACTS:
        raise WireError("no list of facts of version 1", path="answers")
    return tuple(report_from_json(each) for each in facts)


def _sealed(offer: Publication) -> str:
    try:
        check_job_names(offer.job)
        return seal(publication_to_json(offer))
    except WireError as error:
        raise UnpublishableError(
            str(error), remedy="name jobs and assets by letters, digits, dots and dashes"
        ) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise UnpublishableError(f"job {offer.job.id} is not JSON: {error}", remedy="report it") from error


def _group(owner: str) -> str:
    """An owner's name as SQS takes it."""
    return hashlib.sha256(owner.encode()).hexdigest()[:32] if owner else ""
