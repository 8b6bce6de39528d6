"""Metrics for Prometheus: what a worker does, what a coordinator does, what the ledger holds.

Labels are classes and kinds of jobs, never assets: their number must not grow with the footage. Rates are
Prometheus's to compute: frames/s are `rate(eddyline_frames_total[5m])`.
"""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from eddyline.graph.events import Happening, WorkerEvent
from eddyline.graph.states import State
from eddyline.observe.backlog import Backlog, BacklogWatch

_SECONDS = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600)
_JOB = ("class", "kind")


class Metrics:
    """One process's counters, in a registry of its own. Safe from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._started = self._counter("job_starts", "Jobs begun", _JOB)
        self._ended = self._counter(
            "jobs", "Jobs ended; outcome: done, failed, retried, dead, interrupted", (*_JOB, "outcome")
        )
        self._retries = self._counter("job_retries", "Jobs that failed and are tried again", _JOB)
        self._interruptions = self._counter(
            "job_interruptions", "Jobs handed back, cancelled or given up for lost while they ran", _JOB
        )
        self._frames = self._counter("frames", "Frames encoded, each rendition counted", _JOB)
        self._busy = self._gauge("slots_busy", "Slots at work", ())
        self._slots = self._gauge("slots", "Slots of this worker", ())
        self._notices = self._counter("notices", "Notices of this machine's end", ("kind",))
        self._draining = self._gauge(
            "worker_takes_work", "Whether this worker takes new jobs (1), or is told not to (0)", ()
        )
        self._draining.set(1)
        self._unserved = self._gauge("unserved_jobs", "Due jobs of a class that no worker serves", ("class",))
        self._notes = self._counter("coordinator", "What a coordinator did", ("what",))
        self._seconds = Histogram(
            "eddyline_job_seconds",
            "Seconds from a job's start to its end, done or not",
            _JOB,
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.registry.register(_Cpu())

    def watch_backlog(self, watch: BacklogWatch) -> None:
        """Show what the ledger holds as well."""
        self.registry.register(_BacklogShown(watch))

    def set_slots(self, count: int) -> None:
        """How many jobs this worker runs at a time."""
        self._slots.set(count)

    def hear(self, event: WorkerEvent) -> None:
        """Count what a worker tells; made to be its `on_event`."""
        job = event.job
        labels = (job.cls, job.kind)
        if event.happening is Happening.PROGRESS:
            return
        if event.happening is Happening.STARTED:
            self._started.labels(*labels).inc()
            self._mark(job.id, busy=True)
            return
        self._mark(job.id, busy=False)
        self._seconds.labels(*labels).observe(event.elapsed_s)
        outcome = _outcome(event)
        self._ended.labels(*labels, outcome).inc()
        if outcome == "retried":
            self._retries.labels(*labels).inc()
        elif outcome == "interrupted":
            self._interruptions.labels(*labels).inc()
        elif outcome == "done":
            self._frames.labels(*labels).inc(_frames(event.result))

    def hear_notice(self, kind: str) -> None:
        """Count a notice of this machine's end."""
        self._notices.labels(kind).inc()

    def hear_stance(self, *, takes_new: bool) -> None:
        """Show whether the worker takes new jobs."""
        self._draining.set(1 if takes_new else 0)

    def hear_unserved(self, jobs: Mapping[str, int]) -> None:
        """Show how many jobs wait by class, of classes that nobody serves; 0: somebody does."""
        for cls, count in jobs.items():
            self._unserved.labels(cls).set(count)

    def hear_note(self, what: str, count: int) -> None:
        """Count what a coordinator did."""
        if count > 0:
            self._notes.labels(what).inc(count)

    def _mark(self, job: str, *, busy: bool) -> None:
        with self._lock:
            (self._running.add if busy else self._running.discard)(job)
            self._busy.set(len(self._running))

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"eddyline_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(f"eddyline_{name}", text, labels, registry=self.registry)


def _outcome(event: WorkerEvent) -> str:
    match event.happening, event.job.state:
        case Happening.FINISHED, _:
            return "done"
        case Happening.FAILED, State.DEAD:
            return "dead"
        case Happening.FAILED, State.READY:
            return "retried"
        case Happening.FAILED, _:
            return "failed"  # a worker on queues does not learn what becomes of it
        case _:
            return "interrupted"


def _frames(result: Mapping[str, Any] | None) -> int:
    """Frames in a job's result: a number for each rendition, or one number."""
    found = (result or {}).get("frames")
    each = found.values() if isinstance(found, Mapping) else [found]
    return sum(count for count in each if isinstance(count, int) and count > 0)


class _Cpu(Collector):
    """CPU time of this process and of the programs that it ran to their end."""

    def describe(self) -> Iterable[Metric]:
        return [self._family()]

    def collect(self) -> Iterable[Metric]:
        family = self._family()
        for who, number in (("worker", resource.RUSAGE_SELF), ("programs", resource.RUSAGE_CHILDREN)):
            used = resource.getrusage(number)
            family.add_metric([who], used.ru_utime + used.ru_stime)
        return [family]

    @staticmethod
    def _family() -> CounterMetricFamily:
        return CounterMetricFamily("eddyline_cpu_seconds", "CPU time, user and system", labels=["by"])


class _BacklogShown(Collector):
    """What a `BacklogWatch` read last; nothing but the failures if it never could."""

    def __init__(self, watch: BacklogWatch) -> None:
        self._watch = watch

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(
            "eddyline_ledger_read_failures", "Times that the ledger was away", value=self._watch.failures
        )
        backlog = self._watch.latest
        if backlog is not None:
            yield from _families(backlog, max(self._watch.clock.now() - backlog.at, 0.0))


def _families(backlog: Backlog, age_s: float) -> Iterable[Metric]:
    jobs = GaugeMetricFamily("eddyline_queue_jobs", "Jobs by class and state", labels=["class", "state"])
    oldest = GaugeMetricFamily(
        "eddyline_queue_oldest_seconds", "How long the oldest due job has been due", labels=["class"]
    )
    for queue in backlog.queues:
        for state, count in (("due", queue.due), ("delayed", queue.delayed), ("running", queue.running)):
            jobs.add_metric([queue.cls, state], count)
        oldest.add_metric([queue.cls], queue.oldest_s)
    yield jobs
    yield oldest
    leases = GaugeMetricFamily("eddyline_leases", "Leases of workers", labels=["state"])
    leases.add_metric(["live"], len(backlog.workers))
    leases.add_metric(["overdue"], backlog.overdue)
    yield leases
    yield GaugeMetricFamily("eddyline_jobs_waiting", "Jobs that need others first", value=backlog.waiting)
    yield GaugeMetricFamily("eddyline_jobs_late", "Open jobs past their deadline", value=backlog.late)
    yield GaugeMetricFamily(
        "eddyline_backlog_age_seconds", "How old these figures of the ledger are", value=age_s
    )
