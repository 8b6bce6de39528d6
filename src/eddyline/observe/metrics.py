"""Metrics for Prometheus: those of every process, and those of the ledger.

Labels are pools and kinds of jobs, never assets, so that the number of series does not grow with the sources.
Prometheus computes rates: frames/s are `rate(eddyline_frames_total[5m])`.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from eddyline.core import background_loop, counters
from eddyline.observe.backlog import Backlog, BacklogWatch, Queue


class Metrics:
    """The metrics of one process, in a separate registry. Safe from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        text = "Unexpected errors that background loops survived"
        self._collect_counter("cpu_seconds", "CPU time, user and system", "by", _cpu_seconds)
        self._collect_counter("loop_failures", text, "loop", background_loop.failure_counts)
        for name, (label, text) in counters.EVENTS.items():
            self._collect_counter(name, text, label, partial(counters.counts, name))

    def _collect_counter(
        self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]
    ) -> None:
        self.registry.register(_LabelledCounter(name, text, label, read))

    def _counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(f"eddyline_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"eddyline_{name}", text, labels, registry=self.registry)


class LedgerMetrics(Metrics):
    """The metrics of a process with access to the ledger, the backlog included."""

    def __init__(self) -> None:
        super().__init__()
        self._unserved = self._gauge("unserved_jobs", "Due jobs of a pool that no worker serves", ("class",))

    def watch_backlog(self, watch: BacklogWatch, pools: Sequence[str] = ()) -> None:
        """Expose the backlog; `pools` are exposed even while they have no jobs."""
        self.registry.register(FunctionCollector(partial(_read_backlog, watch, pools)))

    def set_unserved(self, jobs: Mapping[str, int]) -> None:
        """Expose the number of due jobs by unserved pool; 0 for a pool that is served again."""
        for pool, count in jobs.items():
            self._unserved.labels(pool).set(count)


class FunctionCollector(Collector):
    """The metrics that a function returns when Prometheus reads them."""

    def __init__(self, read: Callable[[], Iterable[Metric]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Nothing: the function is not called before Prometheus reads the metrics."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Call the function."""
        return self._read()


class _LabelledCounter(Collector):
    """A counter with one label; `read` returns its current values by the value of the label."""

    def __init__(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        self._name, self._text, self._label, self._read = name, text, label, read

    def describe(self) -> Iterable[Metric]:
        return [self._family()]

    def collect(self) -> Iterable[Metric]:
        family = self._family()
        for value, count in sorted(self._read().items()):
            family.add_metric([value], count)
        return [family]

    def _family(self) -> CounterMetricFamily:
        return CounterMetricFamily(f"eddyline_{self._name}", self._text, labels=[self._label])


def _cpu_seconds() -> dict[str, float]:
    """CPU time of this process and of its terminated child processes."""
    both = {"process": resource.RUSAGE_SELF, "programs": resource.RUSAGE_CHILDREN}
    used = {source: resource.getrusage(number) for source, number in both.items()}
    return {source: usage.ru_utime + usage.ru_stime for source, usage in used.items()}


def _read_backlog(watch: BacklogWatch, pools: Sequence[str]) -> Iterable[Metric]:
    """The last reading of a `BacklogWatch`; only the failures before the first reading."""
    yield CounterMetricFamily(
        "eddyline_ledger_read_failures", "Failed readings of the ledger", value=watch.failures
    )
    backlog = watch.latest
    if backlog is not None:
        queues = {pool: Queue(pool=pool) for pool in pools} | {queue.pool: queue for queue in backlog.queues}
        yield from _families(
            replace(backlog, queues=tuple(queues.values())), max(watch.clock.now() - backlog.at, 0.0)
        )


def _families(backlog: Backlog, age_s: float) -> Iterable[Metric]:
    jobs = GaugeMetricFamily("eddyline_queue_jobs", "Jobs by pool and state", labels=["class", "state"])
    oldest = GaugeMetricFamily(
        "eddyline_queue_oldest_seconds", "How long the oldest due job has been due", labels=["class"]
    )
    for queue in backlog.queues:
        for state, count in (("due", queue.due), ("delayed", queue.delayed), ("running", queue.running)):
            jobs.add_metric([queue.pool, state], count)
        oldest.add_metric([queue.pool], queue.oldest_s)
    yield jobs
    yield oldest
    leases = GaugeMetricFamily("eddyline_leases", "Leases of workers", labels=["state"])
    leases.add_metric(["live"], len(backlog.workers))
    leases.add_metric(["overdue"], backlog.overdue)
    leases.add_metric(["unknown"], len(backlog.unknown))
    yield leases
    yield GaugeMetricFamily(
        "eddyline_jobs_waiting", "Jobs with unfinished dependencies", value=backlog.waiting
    )
    yield GaugeMetricFamily("eddyline_jobs_late", "Open jobs past their deadline", value=backlog.late)
    yield GaugeMetricFamily("eddyline_backlog_age_seconds", "Age of the metrics of the ledger", value=age_s)
