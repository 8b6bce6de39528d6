"""Metrics of a worker: its jobs, its slots, and whether its machine stays."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from prometheus_client import Histogram

from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.states import State
from eddyline.observe.metrics import LedgerMetrics

_SECONDS = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600)
_JOB = ("class", "kind")
_ENCODING = "chunk"  # others tell frames as well: those that they put together or looked at


class WorkerMetrics(LedgerMetrics):
    """What one worker did. Safe from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._started = self._counter("job_starts", "Jobs begun", _JOB)
        self._ended = self._counter(
            "jobs", "Jobs ended; outcome: done, failed, retried, dead, interrupted", (*_JOB, "outcome")
        )
        self._retries = self._counter("job_retries", "Jobs begun after an attempt that failed", _JOB)
        self._interruptions = self._counter(
            "job_interruptions", "Jobs handed back, cancelled or given up for lost while they ran", _JOB
        )
        self._frames = self._counter("frames", "Frames encoded, each rendition counted", _JOB)
        self._busy = self._gauge("slots_busy", "Slots at work")
        self._slots = self._gauge("slots", "Slots of this worker")
        self._notices = self._counter("notices", "Notices of this machine's end", ("kind",))
        self._takes_work = self._gauge(
            "worker_takes_work", "Whether this worker takes new jobs (1), or is told not to (0)"
        )
        self._takes_work.set(1)
        self._seconds = Histogram(
            "eddyline_job_seconds",
            "Seconds from a job's start to its end, done or not",
            _JOB,
            registry=self.registry,
            buckets=_SECONDS,
        )

    def set_slots(self, count: int) -> None:
        """How many jobs this worker runs at a time."""
        self._slots.set(count)

    def hear(self, event: WorkerEvent) -> None:
        """Count what a worker tells; made to be its `on_event`."""
        job = event.job
        labels = (job.pool, job.kind)
        if event.kind is WorkerEventKind.PROGRESS:
            return
        if event.kind is WorkerEventKind.STARTED:
            self._started.labels(*labels).inc()
            # Counted here, not when it failed: only the ledger, which not every worker sees, knew then.
            self._retries.labels(*labels).inc(int(job.attempt > 1))
            self._mark(job.id, busy=True)
            return
        self._mark(job.id, busy=False)
        self._seconds.labels(*labels).observe(event.elapsed_s)
        outcome = _outcome(event)
        self._ended.labels(*labels, outcome).inc()
        if outcome == "interrupted":
            self._interruptions.labels(*labels).inc()
        elif outcome == "done" and job.kind == _ENCODING:
            self._frames.labels(*labels).inc(_frames(event.result))

    def record_notice(self, kind: str) -> None:
        """Count a notice of this machine's end."""
        self._notices.labels(kind).inc()

    def set_takes_work(self, *, takes_new: bool) -> None:
        """Show whether the worker takes new jobs."""
        self._takes_work.set(1 if takes_new else 0)

    def _mark(self, job: str, *, busy: bool) -> None:
        with self._lock:
            (self._running.add if busy else self._running.discard)(job)
            self._busy.set(len(self._running))


def _outcome(event: WorkerEvent) -> str:
    match event.kind, event.job.state:
        case WorkerEventKind.FINISHED, _:
            return "done"
        case WorkerEventKind.FAILED, State.DEAD:
            return "dead"
        case WorkerEventKind.FAILED, State.READY:
            return "retried"
        case WorkerEventKind.FAILED, _:
            return "failed"  # a worker on queues does not learn what becomes of it
        case _:
            return "interrupted"


def _frames(result: Mapping[str, Any] | None) -> int:
    """Frames in a job's result: a number for each rendition, or one number."""
    found = (result or {}).get("frames")
    each = found.values() if isinstance(found, Mapping) else [found]
    return sum(count for count in each if isinstance(count, int) and count > 0)
