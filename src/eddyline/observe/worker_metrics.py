"""Metrics of a worker: its jobs, its slots, and the notices of its machine's end."""

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
_ENCODE_KIND = "chunk"  # the results of other kinds count frames too: joined or probed ones


class WorkerMetrics(LedgerMetrics):
    """The metrics of one worker. Safe from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._started = self._counter("job_starts", "Started jobs", _JOB)
        self._ended = self._counter(
            "jobs", "Ended jobs; outcome: done, failed, retried, dead, interrupted", (*_JOB, "outcome")
        )
        self._retries = self._counter("job_retries", "Jobs started after a failed attempt", _JOB)
        self._interruptions = self._counter(
            "job_interruptions", "Running jobs that were handed back, cancelled or lost", _JOB
        )
        self._frames = self._counter("frames", "Encoded frames, counted for each rendition", _JOB)
        self._busy = self._gauge("slots_busy", "Busy slots")
        self._slots = self._gauge("slots", "Slots of this worker")
        self._notices = self._counter("notices", "Notices of the end of this machine", ("kind",))
        self._takes_work = self._gauge(
            "worker_takes_work", "Whether this worker accepts new jobs (1) or not (0)"
        )
        self._takes_work.set(1)
        self._seconds = Histogram(
            "eddyline_job_seconds",
            "Seconds from the start of a job to its end, for every outcome",
            _JOB,
            registry=self.registry,
            buckets=_SECONDS,
        )

    def set_slots(self, count: int) -> None:
        """Set the number of jobs that this worker runs at a time."""
        self._slots.set(count)

    def record_event(self, event: WorkerEvent) -> None:
        """Count an event of a worker, as its `on_event` callback."""
        job = event.job
        labels = (job.pool, job.kind)
        if event.kind is WorkerEventKind.PROGRESS:
            return
        if event.kind is WorkerEventKind.STARTED:
            self._started.labels(*labels).inc()
            # Counted at the start, because a worker without a ledger does not know at the failure.
            self._retries.labels(*labels).inc(int(job.attempt > 1))
            self._set_running(job.id, busy=True)
            return
        self._set_running(job.id, busy=False)
        self._seconds.labels(*labels).observe(event.elapsed_s)
        outcome = _outcome(event)
        self._ended.labels(*labels, outcome).inc()
        if outcome == "interrupted":
            self._interruptions.labels(*labels).inc()
        elif outcome == "done" and job.kind == _ENCODE_KIND:
            self._frames.labels(*labels).inc(_frames(event.result))

    def record_notice(self, kind: str) -> None:
        """Count a notice of the end of this machine."""
        self._notices.labels(kind).inc()

    def set_takes_work(self, *, takes_new: bool) -> None:
        """Expose whether the worker accepts new jobs."""
        self._takes_work.set(1 if takes_new else 0)

    def _set_running(self, job: str, *, busy: bool) -> None:
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
            return "failed"  # a worker on SQS does not know whether it is retried
        case _:
            return "interrupted"


def _frames(result: Mapping[str, Any] | None) -> int:
    """The frames in a job's result: one number, or one for each rendition."""
    found = (result or {}).get("frames")
    each = found.values() if isinstance(found, Mapping) else [found]
    return sum(count for count in each if isinstance(count, int) and count > 0)
