"""Metrics of the web server: requests, streams, uploads, assets, and its worker process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from eddyline.observe.metrics import FunctionCollector, LedgerMetrics

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class WebMetrics(LedgerMetrics):
    """The metrics of one web server. Safe from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._requests = self._counter("http_requests", "Answered requests", ("method", "route", "status"))
        self._seconds = Histogram(
            "eddyline_http_request_seconds",
            "Seconds from a request to the end of its response, without event streams",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.event_streams = self._gauge("event_streams", "Open event streams")

    def record_request(self, method: str, route: str, status: int, *, seconds: float | None) -> None:
        """Count a request; `seconds` None: a stream, whose duration says nothing."""
        self._requests.labels(method, route, str(status)).inc()
        if seconds is not None:
            self._seconds.labels(route).observe(seconds)

    def watch_library(self, read: Callable[[], Mapping[str, int]], uploads: Callable[[], int]) -> None:
        """Expose the number of assets by state, and of open uploads; both are read at each scrape."""
        self.registry.register(FunctionCollector(lambda: _library(read(), uploads())))

    def watch_worker(self, read: Callable[[], tuple[bool, int]]) -> None:
        """Expose whether the worker process runs, and how often it was restarted."""
        self.registry.register(FunctionCollector(lambda: _worker(*read())))


def _library(assets: Mapping[str, int], uploads: int) -> Iterable[Metric]:
    family = GaugeMetricFamily("eddyline_assets", "Assets by state", labels=["state"])
    for state, count in sorted(assets.items()):
        family.add_metric([state], count)
    yield family
    yield GaugeMetricFamily("eddyline_uploads_in_progress", "Uploads that are not complete", value=uploads)


def _worker(runs: bool, restarts: int) -> Iterable[Metric]:  # noqa: FBT001 - a pair that a function returned
    yield GaugeMetricFamily(
        "eddyline_local_worker_up",
        "Whether the worker process of this server runs (1) or not (0)",
        value=int(runs),
    )
    yield CounterMetricFamily(
        "eddyline_local_worker_restarts", "How often the worker process was started again", value=restarts
    )
