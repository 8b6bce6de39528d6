"""Counts the messages of an ingest and polls the depths of its queues."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eddyline.app.observability import serve_metrics
from eddyline.app.optional_dependencies import require_extra
from eddyline.core.stop import Stop
from eddyline.ingest.messages import IngestOutcome, Message, MessageSource

if TYPE_CHECKING:
    from eddyline.aws.s3_events.event_queue import EventQueue
    from eddyline.aws.sqs.client import SqsClient
    from eddyline.observe.ingest_metrics import IngestMetrics


@dataclass(frozen=True, kw_only=True)
class CountedMessages:
    """A `MessageSource` that counts the messages of another one."""

    source: MessageSource
    metrics: IngestMetrics

    @property
    def max_receive_count(self) -> int:
        """The limit of the source."""
        return self.source.max_receive_count

    def receive(self, wait_s: float) -> Sequence[Message]:
        """Forward the call and count it."""
        messages = self.source.receive(wait_s)
        for message in messages:
            self.metrics.record_received(message.id, message.since)
        return messages

    def acknowledge(self, message: Message) -> None:
        """Forward the call and count it."""
        self.source.acknowledge(message)
        self.metrics.record_settled(message.id, "done")

    def postpone(self, message: Message, delay_s: float, *, counts_as_attempt: bool) -> None:
        """Forward the call and count it."""
        self.source.postpone(message, delay_s, counts_as_attempt=counts_as_attempt)
        self.metrics.record_postponed(message.id, delay_s)

    def park(self, message: Message, reason: str) -> None:
        """Forward the call and count it."""
        self.source.park(message, reason)
        self.metrics.record_settled(message.id, "parked")


@contextmanager
def count_messages(
    address: str,
    source: MessageSource,
    queues: SqsClient,
    queue: EventQueue,
    on_outcome: Callable[[IngestOutcome], None],
) -> Iterator[tuple[MessageSource, Callable[[IngestOutcome], None]]]:
    """Count what `source` receives and `on_outcome` gets, and serve the metrics at `address` in this context.

    Yields the source and the callback to use instead; the same ones for the address "".
    Raises `UsageError` for an address that cannot be served.
    """
    if not address:
        yield source, on_outcome
        return
    with require_extra("observe", "metrics"):
        from eddyline.observe.ingest_metrics import Depths, IngestMetrics  # requires an extra
        from eddyline.observe.polled_values import PolledValues
    metrics, stop = IngestMetrics(), Stop()
    watch = PolledValues(
        lambda _now: Depths(events=queues.depths(queue.name), parked=queues.depths(queue.dead_letters)),
        stop=stop,
    )
    metrics.watch_depths(watch)

    def count(outcome: IngestOutcome) -> None:
        if outcome.what == "submitted":
            metrics.record_submitted(outcome.uploaded)
        elif outcome.what == "ignored":
            metrics.record_ignored()
        elif outcome.what == "parked" and outcome.cause is not None:
            metrics.record_parked(str(outcome.cause))
        on_outcome(outcome)

    watch.start()
    try:
        with serve_metrics(metrics, address):
            yield CountedMessages(source=source, metrics=metrics), count
    finally:
        stop.request("the process ends")
