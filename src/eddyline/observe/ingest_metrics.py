"""Metrics of an ingest: the messages received, their outcomes, and their delays."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from eddyline.core.clock import Clock, SystemClock
from eddyline.observe.metrics import FunctionCollector, Metrics
from eddyline.observe.polled_values import PolledValues

_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600, 14_400, 86_400)
_GRACE_S = 60.0  # after which a postponed message has been received again by some process


@dataclass(frozen=True, kw_only=True)
class Depths:
    """Messages by state ("visible", "in_flight", "delayed") of the event queue and its dead-letter queue."""

    events: Mapping[str, int]
    parked: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class _Pending:
    since: float
    expires_at: float


class IngestMetrics(Metrics):
    """The metrics of one ingest. Safe from any thread.

    No label is taken from a message, so the number of series does not depend on the number of objects.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._pending: dict[str, _Pending] = {}
        self._messages = self._counter("ingest_messages", "Received messages, repeated receipts included")
        self._ended = self._counter("ingest_messages_ended", "Settled messages: done or parked", ("end",))
        self._postponed = self._counter("ingest_messages_postponed", "Postponed messages")
        self._objects = self._counter("ingest_objects", "New objects, submitted or ignored", ("outcome",))
        self._parked = self._counter("ingest_parked", "Messages parked for an operator, by cause", ("cause",))
        self._delay = Histogram(
            "eddyline_ingest_delay_seconds",
            "Seconds from the upload of an object to its submission",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.registry.register(FunctionCollector(self._read_oldest))

    def watch_depths(self, watch: PolledValues[Depths]) -> None:
        """Expose the depths of the queues."""
        self.registry.register(FunctionCollector(partial(_read_depths, watch)))

    def record_received(self, message: str, since: float) -> None:
        """Count a received message that was first sent at `since` (seconds since 1970)."""
        self._messages.inc()
        self._add_pending(message, _Pending(since=since, expires_at=float("inf")))

    def record_postponed(self, message: str, delay_s: float) -> None:
        """Count a postponed message."""
        self._postponed.inc()
        with self._lock:
            known = self._pending.pop(message, None)
        if known is not None:
            expires_at = self._clock.now() + delay_s + _GRACE_S
            self._add_pending(message, _Pending(since=known.since, expires_at=expires_at))

    def record_settled(self, message: str, end: str) -> None:
        """Count a message that is done or parked."""
        self._ended.labels(end).inc()
        with self._lock:
            self._pending.pop(message, None)

    def record_submitted(self, uploaded: float | None) -> None:
        """Count a submitted object; `uploaded` in seconds since 1970."""
        self._objects.labels("submitted").inc()
        if uploaded is not None:
            self._delay.observe(max(self._clock.now() - uploaded, 0.0))

    def record_ignored(self) -> None:
        """Count an ignored object or event."""
        self._objects.labels("ignored").inc()

    def record_parked(self, cause: str) -> None:
        """Count a parked message."""
        self._parked.labels(cause).inc()

    @property
    def oldest_s(self) -> float:
        """Age of the oldest message that this process holds or has postponed; 0 if there is none."""
        now = self._clock.now()
        with self._lock:
            self._expire(now)
            sent = [each.since for each in self._pending.values() if each.since > 0]
        return max(now - min(sent), 0.0) if sent else 0.0

    def _read_oldest(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "eddyline_ingest_oldest_message_seconds",
            "Age of the oldest message that this process holds or has postponed; 0 if there is none",
            value=self.oldest_s,
        )

    def _add_pending(self, message: str, pending: _Pending) -> None:
        with self._lock:
            self._expire(self._clock.now())
            self._pending[message] = pending

    def _expire(self, now: float) -> None:
        """Remove postponed messages that another process must have received by now."""
        self._pending = {name: each for name, each in self._pending.items() if each.expires_at > now}


def _read_depths(watch: PolledValues[Depths]) -> Iterable[Metric]:
    yield CounterMetricFamily(
        "eddyline_ingest_queue_read_failures", "Failed readings of the queues", value=watch.failures
    )
    depths = watch.latest
    if depths is None:
        return
    family = GaugeMetricFamily(
        "eddyline_ingest_queue_messages",
        "Approximate number of messages, those in flight elsewhere included",
        labels=["queue", "state"],
    )
    for queue, found in (("events", depths.events), ("parked", depths.parked)):
        for state, count in found.items():
            family.add_metric([queue, state], count)
    yield family
