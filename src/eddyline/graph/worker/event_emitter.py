"""Emits the events of a worker's jobs to a listener: one call at a time, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from eddyline.core.clock import Clock
from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.job import Done, Failed, Interrupted
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.slots import RunningJob


class EventEmitter:
    """If the listener raises, `failure` is set and `on_failure` is called."""

    def __init__(
        self,
        worker: str,
        broker: Broker,
        clock: Clock,
        listener: Callable[[WorkerEvent], None] | None,
        on_failure: Callable[[], None],
    ) -> None:
        self._worker = worker
        self._broker = broker
        self._clock = clock
        self._listener = listener
        self._on_failure = on_failure
        # Re-entrant: a listener may cause a handler's code to emit another event.
        self._lock = threading.RLock()
        self.failure: BaseException | None = None

    @property
    def enabled(self) -> bool:
        """Whether there is a listener."""
        return self._listener is not None

    def emit_outcome(self, job: RunningJob, *, accepted: bool) -> None:
        """Emit how a job ended, once that is recorded; not `accepted`: its worker no longer held it."""
        if not accepted:
            self.emit(job, WorkerEventKind.INTERRUPTED, note="the worker no longer holds the job")
            return
        match job.outcome:
            case Done(result=result):
                self.emit(job, WorkerEventKind.FINISHED, fraction=1.0, result=result)
            case Failed(error=error):
                self.emit(job, WorkerEventKind.FAILED, error=error)
            case Interrupted() if job.started is not None:
                self.emit(job, WorkerEventKind.INTERRUPTED, note=job.context.stop.reason)

    def emit(
        self,
        running: RunningJob,
        kind: WorkerEventKind,
        *,
        fraction: float = 0.0,
        note: str = "",
        result: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
    ) -> None:
        """Create an event and pass it to the listener."""
        if self._listener is None:
            return
        job = running.claim.job
        if kind is WorkerEventKind.FAILED:
            job = self._broker.job(job.id) or job
        event = WorkerEvent(
            kind=kind,
            job=job,
            worker=self._worker,
            at=self._clock.now(),
            elapsed_s=running.elapsed_s,
            fraction=fraction,
            note=note,
            result=result,
            error=error,
        )
        try:
            with self._lock:
                self._listener(event)
        except BaseException as failure:  # noqa: BLE001 - the worker raises it after it has handed back its jobs
            self.failure = self.failure or failure
            self._on_failure()
