"""Telling a listener what happens to a worker's jobs: one call at a time, from whatever thread."""

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
    """Makes events for a listener; `failed` is called, and `failure` set, if the listener raises."""

    def __init__(
        self,
        worker: str,
        broker: Broker,
        clock: Clock,
        listener: Callable[[WorkerEvent], None] | None,
        failed: Callable[[], None],
    ) -> None:
        self._worker = worker
        self._broker = broker
        self._clock = clock
        self._listener = listener
        self._failed = failed
        # Re-entrant: a listener may ask a handler's own code to tell something.
        self._one_at_a_time = threading.RLock()
        self.failure: BaseException | None = None

    @property
    def is_heard(self) -> bool:
        """Whether anyone listens."""
        return self._listener is not None

    def outcome(self, hand: RunningJob, *, current: bool) -> None:
        """Tell how a job ended, once that is recorded; not `current`: its answer came too late."""
        if not current:
            self.tell(hand, WorkerEventKind.INTERRUPTED, note="the answer came too late")
            return
        match hand.outcome:
            case Done(result=result):
                self.tell(hand, WorkerEventKind.FINISHED, fraction=1.0, result=result)
            case Failed(error=error):
                self.tell(hand, WorkerEventKind.FAILED, error=error)
            case Interrupted():
                self.tell(hand, WorkerEventKind.INTERRUPTED, note=hand.context.stop.reason)

    def tell(
        self,
        hand: RunningJob,
        kind: WorkerEventKind,
        *,
        fraction: float = 0.0,
        note: str = "",
        result: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
    ) -> None:
        """Make one event, and hand it to the listener."""
        if self._listener is None:
            return
        job = hand.claim.job
        if kind is WorkerEventKind.FAILED:
            job = self._broker.job(job.id) or job
        event = WorkerEvent(
            kind=kind,
            job=job,
            worker=self._worker,
            at=self._clock.now(),
            elapsed_s=hand.elapsed_s,
            fraction=fraction,
            note=note,
            result=result,
            error=error,
        )
        try:
            with self._one_at_a_time:
                self._listener(event)
        except BaseException as failure:  # noqa: BLE001 - the worker raises it, once all is handed back
            self.failure = self.failure or failure
            self._failed()
