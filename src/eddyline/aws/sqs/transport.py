"""The transport of a coordinator over SQS: publications and commands out, reports in."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from eddyline.aws.client_errors import QueueError, QueueNotFoundError
from eddyline.aws.sqs.client import Message, SqsClient
from eddyline.aws.sqs.message_body import decode_body, encode_body
from eddyline.core.background_loop import report_error
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

# If a coordinator vanishes while it applies reports, they are delayed by this much. If it is slow, another
# coordinator applies them too, which is harmless.
_VISIBILITY_S = 5.0
_THREADS = 4
_BATCH = 10
_ORPHANED_S = 3600.0  # a worker unknown for so long is gone, or creates its command queue again
_MAX_REPORTS = 10_000


class SqsTransport:
    """A `graph.messages.Transport` over SQS. Creates the queues if they are missing.

    `orphaned_s`: a command queue that belonged to no known worker for so long is deleted.
    """

    def __init__(
        self,
        queues: SqsClient,
        *,
        orphaned_s: float = _ORPHANED_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queues = queues
        self._orphaned_s = orphaned_s
        self._monotonic = monotonic
        self._orphaned_since: dict[str, float] = {}
        self._job_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="publish")
        self._command_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="command")
        self._messages: dict[str, Message] = {}

    def close(self) -> None:
        """End the threads."""
        self._job_threads.shutdown()
        self._command_threads.shutdown()

    def job_queue(self, pool: str, priority: int) -> str | None:
        """The name of the queue for such jobs; None if their pool has no queue."""
        return self._queues.naming.job_queue(pool, priority)

    def publish(self, offers: Sequence[Publication]) -> list[EddylineError | None]:
        """Send jobs to their queues; returns for each None, or why it was not sent."""
        queues: defaultdict[str, list[tuple[int, str, str]]] = defaultdict(list)
        errors: list[EddylineError | None] = [None] * len(offers)
        for number, offer in enumerate(offers):
            queue = self.job_queue(offer.job.pool, offer.job.priority)
            if queue is None:
                errors[number] = QueueNotFoundError(f"the pool {offer.job.pool} has no queue")
                continue
            try:
                queues[queue].append((number, _encode(offer), _group(offer.job.owner)))
            except UnpublishableError as error:
                errors[number] = error
        batches = [
            (queue, entries[start : start + _BATCH])
            for queue, entries in queues.items()
            for start in range(0, len(entries), _BATCH)
        ]
        for (_, entries), outcomes in zip(batches, self._job_threads.map(self._send, batches), strict=True):
            for (number, _, _), outcome in zip(entries, outcomes, strict=True):
                errors[number] = outcome
        return errors

    def _send(self, batch: tuple[str, list[tuple[int, str, str]]]) -> list[EddylineError | None]:
        queue, entries = batch
        bodies = [body for _, body, _ in entries]
        try:
            sent = self._queues.send(queue, bodies, groups=[group for _, _, group in entries])
        except EddylineError as error:
            if isinstance(error, QueueNotFoundError):
                self._create_queues()
            return [error] * len(entries)
        return [None if accepted else QueueError(f"{queue} did not accept a job") for accepted in sent]

    def _create_queues(self) -> None:
        """Best effort: if SQS is unavailable, the next call that misses a queue tries again."""
        with contextlib.suppress(QueueError):
            self._queues.ensure_queues()

    def send_commands(self, orders: Sequence[Command]) -> list[bool]:
        """Send commands to their workers' command queues; False: the worker has none (yet)."""
        queues: defaultdict[str, list[int]] = defaultdict(list)
        for number, order in enumerate(orders):
            queues[self._queues.naming.command_queue(order.worker)].append(number)
        batches = [
            (queue, [encode_body(command_to_json(orders[number])) for number in numbers])
            for queue, numbers in queues.items()
        ]
        sent = [False] * len(orders)
        outcomes = self._command_threads.map(self._send_commands, batches)
        for numbers, accepted in zip(queues.values(), outcomes, strict=True):
            for number, is_sent in zip(numbers, accepted, strict=True):
                sent[number] = is_sent
        return sent

    def _send_commands(self, batch: tuple[str, list[str]]) -> list[bool]:
        queue, bodies = batch
        try:
            return self._queues.send(queue, bodies)
        except QueueError:
            return [False] * len(bodies)

    def delete_command_queues(self, workers: Sequence[str]) -> None:
        """Delete the command queues of lost workers; one that is alive creates its queue again."""
        for worker in workers:
            self._queues.delete_queue(self._queues.naming.command_queue(worker))

    def delete_stale_command_queues(self, known: Collection[str]) -> int:
        """Delete command queues that have long belonged to none of these workers; returns their number."""
        naming = self._queues.naming
        used = {naming.command_queue(worker) for worker in known}
        found = {
            name
            for name in self._queues.list_queues(naming.command_queue_prefix)
            if naming.is_command_queue(name)
        }
        now = self._monotonic()
        self._orphaned_since = {name: self._orphaned_since.get(name, now) for name in found - used}
        expired = [name for name, since in self._orphaned_since.items() if now - since >= self._orphaned_s]
        for name in expired:
            self._queues.delete_queue(name)
        return len(expired)

    def receive_reports(self, wait_s: float) -> list[Delivery]:
        """Receive reports by a long poll. Unreadable messages are parked and do not delay others."""
        try:
            messages = self._queues.receive(
                self._queues.naming.reports, limit=_BATCH, wait_s=wait_s, visibility_s=_VISIBILITY_S
            )
        except QueueNotFoundError:
            self._queues.ensure_queues()
            raise
        deliveries = []
        for message in messages:
            try:
                reports = parse_reports(message.body)
            except WireError as error:
                self._park(message, str(error))
                continue
            except Exception as error:  # noqa: BLE001 - no message may bring the coordinators down
                report_error("reports", error)
                self._park(message, f"parsing failed: {type(error).__name__}")
                continue
            self._messages[message.receipt_handle] = message
            deliveries.append(
                Delivery(reports=reports, receipt=message.receipt_handle, delay_s=message.waited_s)
            )
        return deliveries

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Delete messages whose reports are in the ledger."""
        try:
            self._queues.delete([self._messages[each.receipt] for each in deliveries])
        except QueueNotFoundError:  # the messages are gone with their queue; workers need a new one
            self._create_queues()
        for each in deliveries:
            self._messages.pop(each.receipt, None)

    def park(self, delivery: Delivery, reason: str) -> None:
        """Move a message that cannot be applied to the dead-letter queue."""
        self._park(self._messages.pop(delivery.receipt), reason)

    def _park(self, message: Message, reason: str) -> None:
        """Park a message; if SQS is unavailable, the message is received again."""
        try:
            self._queues.park(message, reason)
        except QueueNotFoundError:
            self._create_queues()
        except QueueError:
            return

    def queue_depths(self) -> Mapping[str, int]:
        """The approximate number of messages of each queue of jobs."""
        try:
            return {queue: self._queues.depth(queue) for queue in self._queues.naming.job_queues}
        except QueueNotFoundError:
            self._queues.ensure_queues()
            raise


def parse_reports(body: str) -> tuple[WorkerReport, ...]:
    """The reports of a message; raises `WireError` for any other content."""
    value = decode_body(body)
    facts = value.get("facts") if isinstance(value, dict) and value.get("v") == 1 else None
    if not isinstance(facts, list) or len(facts) > _MAX_REPORTS:
        raise WireError("not a list of reports of version 1", path="answers")
    return tuple(report_from_json(each) for each in facts)


def _encode(offer: Publication) -> str:
    try:
        check_job_names(offer.job)
        return encode_body(publication_to_json(offer))
    except WireError as error:
        raise UnpublishableError(
            str(error), remedy="use only letters, digits, dots and dashes in the names of jobs and assets"
        ) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise UnpublishableError(f"job {offer.job.id} is not JSON: {error}", remedy="report it") from error


def _group(owner: str) -> str:
    """The message group ID of an owner."""
    return hashlib.sha256(owner.encode()).hexdigest()[:32] if owner else ""
