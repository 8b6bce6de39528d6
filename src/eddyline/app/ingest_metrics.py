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
        found = self.source.receive(wait_s)
        for message in found:
            self.metrics.record_received(message.id, message.since)
        return found

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
    place: EventQueue,
    on_outcome: Callable[[IngestOutcome], None],
) -> Iterator[tuple[MessageSource, Callable[[IngestOutcome], None]]]:
    """The same arrivals and listener, with metrics of them served at `address` ("": nowhere) while entered.

    Raises `UsageError` for an address that cannot be served.
    """
    if not address:
        yield source, on_outcome
        return
    with require_extra("observe", "metrics"):
        from eddyline.observe.ingest_metrics import Depths, IngestMetrics  # it may not be there
        from eddyline.observe.polled_values import PolledValues
    metrics, over = IngestMetrics(), Stop()
    watch = PolledValues(
        lambda _now: Depths(events=queues.depths(place.name), parked=queues.depths(place.dead_letters)),
        stop=over,
    )
    metrics.watch_depths(watch)

    def hear(note: IngestOutcome) -> None:
        if note.what == "submitted":
            metrics.record_submitted(note.uploaded)
        elif note.what == "ignored":
            metrics.record_ignored()
        elif note.what == "parked" and note.cause is not None:
            metrics.record_parked(str(note.cause))
        on_outcome(note)

    watch.start()
    try:
        with serve_metrics(metrics, address):
            yield CountedMessages(source=source, metrics=metrics), hear
    finally:
        over.request("the process ends")
