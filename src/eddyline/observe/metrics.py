"""Metrics for Prometheus: those of every process, and those of the ledger.

Labels are pools and kinds of jobs, never assets, so that the number of series does not grow with the sources.
Prometheus computes rates: frames/s are `rate(eddyline_frames_total[5m])`.
"""

from __future__ import annotations

import resource
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

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
        self.registry.register(_CpuCollector())
        self.registry.register(_LoopFailuresCollector())
        self.registry.register(_CountersCollector())

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
        self.registry.register(_BacklogCollector(watch, pools))

    def set_unserved(self, jobs: Mapping[str, int]) -> None:
        """Expose the number of due jobs by unserved pool; 0 for a pool that is served again."""
        for pool, count in jobs.items():
            self._unserved.labels(pool).set(count)


class _CpuCollector(Collector):
    """CPU time of this process and of its terminated child processes."""

    def describe(self) -> Iterable[Metric]:
        return [self._family()]

    def collect(self) -> Iterable[Metric]:
        family = self._family()
        for source, number in (("process", resource.RUSAGE_SELF), ("programs", resource.RUSAGE_CHILDREN)):
            used = resource.getrusage(number)
            family.add_metric([source], used.ru_utime + used.ru_stime)
        return [family]

    @staticmethod
    def _family() -> CounterMetricFamily:
        return CounterMetricFamily("eddyline_cpu_seconds", "CPU time, user and system", labels=["by"])


class _LoopFailuresCollector(Collector):
    """Steps of background loops that raised an unexpected error; the loops continued."""

    def describe(self) -> Iterable[Metric]:
        return [self._family()]

    def collect(self) -> Iterable[Metric]:
        family = self._family()
        for loop, count in sorted(background_loop.failure_counts().items()):
            family.add_metric([loop], count)
        return [family]

    @staticmethod
    def _family() -> CounterMetricFamily:
        return CounterMetricFamily(
            "eddyline_loop_failures", "Unexpected errors that background loops survived", labels=["loop"]
        )


class _CountersCollector(Collector):
    """The process-wide counters of `core.counters`."""

    def describe(self) -> Iterable[Metric]:
        return [self._family(name) for name in counters.EVENTS]

    def collect(self) -> Iterable[Metric]:
        for name in counters.EVENTS:
            family = self._family(name)
            for label, count in sorted(counters.counts(name).items()):
                family.add_metric([label], count)
            yield family

    @staticmethod
    def _family(name: str) -> CounterMetricFamily:
        label, text = counters.EVENTS[name]
        return CounterMetricFamily(f"eddyline_{name}", text, labels=[label])


class _BacklogCollector(Collector):
    """The last reading of a `BacklogWatch`; only the failures before the first reading."""

    def __init__(self, watch: BacklogWatch, pools: Sequence[str]) -> None:
        self._watch = watch
        self._idle = {pool: Queue(pool=pool) for pool in pools}

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(
            "eddyline_ledger_read_failures", "Failed readings of the ledger", value=self._watch.failures
        )
        backlog = self._watch.latest
        if backlog is not None:
            queues = {**self._idle, **{queue.pool: queue for queue in backlog.queues}}
            yield from _families(
                replace(backlog, queues=tuple(queues.values())),
                max(self._watch.clock.now() - backlog.at, 0.0),
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
