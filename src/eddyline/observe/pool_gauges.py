"""Gauges of the pools of a fleet: capacity, demand and Spot share, computed once a minute."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from eddyline.core.clock import Clock


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """One gauge: its name without the prefix `eddyline_`, and what it shows."""

    name: str
    meaning: str


class PoolGauges(Collector):
    """The latest values of all pools. Safe from any thread.

    A value that is undefined is left out. `clock` is that of the readings; `failures` counts those that
    failed, and `publish_failures` what CloudWatch did not accept.
    """

    def __init__(self, gauges: Iterable[Gauge], *, clock: Clock) -> None:
        self._gauges = tuple(gauges)
        self._clock = clock
        self._lock = threading.Lock()
        self._values: Mapping[str, Mapping[str, float]] = {}
        self._at: float | None = None
        self.failures = 0
        self.publish_failures = 0

    def update(self, values: Mapping[str, Mapping[str, float]], *, at: float) -> None:
        """Replace all values: by pool, then by the name of the gauge."""
        with self._lock:
            self._values, self._at = values, at

    def describe(self) -> Iterable[Metric]:
        """Nothing: the gauges are read when Prometheus asks for them."""
        return []

    def collect(self) -> Iterable[Metric]:
        """All gauges, with the label `class` for the pool."""
        with self._lock:
            values, at = self._values, self._at
        for gauge in self._gauges:
            family = GaugeMetricFamily(f"eddyline_{gauge.name}", gauge.meaning, labels=["class"])
            for pool, by_name in sorted(values.items()):
                if gauge.name in by_name:
                    family.add_metric([pool], by_name[gauge.name])
            yield family
        yield CounterMetricFamily(
            "eddyline_pool_reading_failures", "Failed readings of work and capacity", value=self.failures
        )
        yield CounterMetricFamily(
            "eddyline_cloudwatch_failures",
            "Minutes that could not be published to CloudWatch",
            value=self.publish_failures,
        )
        if at is not None:
            age_s = max(self._clock.now() - at, 0.0)
            yield GaugeMetricFamily(
                "eddyline_pool_reading_age_seconds", "Age of the gauges of pools", value=age_s
            )
