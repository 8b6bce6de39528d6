"""Metrics of an ingest: what it was told, what became of that, and how long it had to wait."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from eddyline.core.clock import Clock, SystemClock
from eddyline.observe.metrics import Metrics
from eddyline.observe.polled_values import PolledValues

_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600, 14_400, 86_400)
_GRACE_S = 60.0  # for a message put off to come again, to whomever


@dataclass(frozen=True, kw_only=True)
class Depths:
    """Messages by state ("visible", "in_flight", "delayed") in the queue of events and the one beside it."""

    events: Mapping[str, int]
    parked: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class _Pending:
    since: float
    until: float


class IngestMetrics(Metrics):
    """What one ingest was told and did. Safe from any thread.

    No label is made of what a message says: there are as many series with a million objects as with one.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._pending: dict[str, _Pending] = {}
        self._messages = self._counter("ingest_messages", "Messages received, those that came again included")
        self._ended = self._counter("ingest_messages_ended", "Messages that ended: done or parked", ("end",))
        self._postponed = self._counter("ingest_messages_postponed", "Messages left for later")
        self._objects = self._counter("ingest_objects", "New objects: submitted, or ignored", ("outcome",))
        self._parked = self._counter("ingest_parked", "Messages put aside for people, by cause", ("cause",))
        self._delay = Histogram(
            "eddyline_ingest_delay_seconds",
            "Seconds from an object's upload until it was submitted",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.registry.register(_Oldest(self))

    def watch_depths(self, watch: PolledValues[Depths]) -> None:
        """Show how many messages there are as well."""
        self.registry.register(_DepthsShown(watch))

    def take(self, message: str, since: float) -> None:
        """A message was received, that was sent at `since` (seconds since 1970)."""
        self._messages.inc()
        self._wait(message, _Pending(since=since, until=float("inf")))

    def record_postponed(self, message: str, delay_s: float) -> None:
        """It is to come again."""
        self._postponed.inc()
        with self._lock:
            known = self._pending.pop(message, None)
        if known is not None:
            until = self._clock.now() + delay_s + _GRACE_S
            self._wait(message, _Pending(since=known.since, until=until))

    def end(self, message: str, how: str) -> None:
        """It is never to come again."""
        self._ended.labels(how).inc()
        with self._lock:
            self._pending.pop(message, None)

    def record_submitted(self, uploaded: float | None) -> None:
        """An object was submitted that was uploaded then (seconds since 1970)."""
        self._objects.labels("submitted").inc()
        if uploaded is not None:
            self._delay.observe(max(self._clock.now() - uploaded, 0.0))

    def record_ignored(self) -> None:
        """An object, or something else that was told, was left alone."""
        self._objects.labels("ignored").inc()

    def record_parked(self, cause: str) -> None:
        """A message was put aside."""
        self._parked.labels(cause).inc()

    @property
    def oldest_s(self) -> float:
        """How long ago the oldest message in hand, or put off by this process, was sent; 0: there is none."""
        now = self._clock.now()
        with self._lock:
            self._forget(now)
            sent = [each.since for each in self._pending.values() if each.since > 0]
        return max(now - min(sent), 0.0) if sent else 0.0

    def _wait(self, message: str, pending: _Pending) -> None:
        with self._lock:
            self._forget(self._clock.now())
            self._pending[message] = pending

    def _forget(self, now: float) -> None:
        """Those that should have come again long since: another process has them, or did them."""
        self._pending = {name: each for name, each in self._pending.items() if each.until > now}


class _Oldest(Collector):
    def __init__(self, metrics: IngestMetrics) -> None:
        self._metrics = metrics

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "eddyline_ingest_oldest_message_seconds",
            "Age of the oldest message in hand or put off by this process; 0: there is none",
            value=self._metrics.oldest_s,
        )


class _DepthsShown(Collector):
    def __init__(self, watch: PolledValues[Depths]) -> None:
        self._watch = watch

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(
            "eddyline_ingest_queue_read_failures",
            "Times that the queues could not be looked at",
            value=self._watch.failures,
        )
        depths = self._watch.latest
        if depths is None:
            return
        shown = GaugeMetricFamily(
            "eddyline_ingest_queue_messages",
            "About how many messages there are, also those that others have in hand",
            labels=["queue", "state"],
        )
        for queue, found in (("events", depths.events), ("parked", depths.parked)):
            for state, count in found.items():
                shown.add_metric([queue, state], count)
        yield shown
