"""The worker: a loop that claims and settles jobs and renews the lease, and slots that run the handlers."""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from eddyline.core.clock import Clock, SystemClock
from eddyline.core.errors import EddylineError
from eddyline.core.processes.cpu_meter import ProcessShare
from eddyline.core.stop import Stop
from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.job import MAX_CPU_S, Claim, Done, Interrupted, Outcome, Settlement
from eddyline.graph.silence_guard import SilenceGuard
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.event_emitter import EventEmitter
from eddyline.graph.worker.handler import Handler, JobContext, run_handler
from eddyline.graph.worker.job_reports import JobReports
from eddyline.graph.worker.prefetch import Prefetch
from eddyline.graph.worker.slots import RunningJob, Slots

_POLL_S = 0.2  # for jobs that another process made ready; changes by this process are seen at once
_CHECK_HELD_S = 1.0  # between checks for jobs that another process cancelled
_MAX_QUEUED_S = 0.5  # after this long without a change, prefetched jobs are handed back
_STOP_TIMEOUT_S = 1.2  # how long a shutdown waits for handlers


class Worker:
    """Runs jobs of some pools until `stop` is requested, or until it is idle and `exit_when` returns True.

    `on_event` is called from several threads, but never by two at once; `on_round` in each round of the loop,
    at least every third of `lease_s` while the broker answers. `monotonic` measures intervals.
    `process_share` adds the rest of the process's CPU time to that of its jobs.
    """

    def __init__(
        self,
        name: str,
        broker: Broker,
        handlers: Mapping[str, Handler],
        *,
        slots: int,
        pools: Sequence[str],
        stop: Stop,
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        lease_s: float = 30.0,
        on_event: Callable[[WorkerEvent], None] | None = None,
        exit_when: Callable[[], bool] | None = None,
        on_round: Callable[[], None] = lambda: None,
        process_share: ProcessShare | None = None,
    ) -> None:
        self.name = name
        self._broker = broker
        self._handlers = handlers
        self._slot_count = slots
        self._pools = tuple(pools)
        self._stop = stop
        self._monotonic = monotonic
        self._lease_s = lease_s
        self._exit_when = exit_when or (lambda: False)
        self._on_round = on_round
        self._prefetch = Prefetch(slots)
        self._jobs: dict[tuple[str, int], RunningJob] = {}
        self._signal = threading.Event()
        self._thread_id = 0
        self._broker_changed = False
        self._events = EventEmitter(name, broker, clock or SystemClock(), on_event, self._signal.set)
        # After an outage of the ledger that outlasts the leases, other workers need time to renew theirs.
        self._silence = SilenceGuard(
            gap_s=lease_s * 2 / 3, settle_s=lease_s / 2, settled=True, clock=monotonic
        )
        self._ended = threading.Event()
        self._next_heartbeat = 0.0
        self._next_check = 0.0
        self._reports = JobReports(name, broker, monotonic=monotonic, process_share=process_share)
        self._none_due = False

    def run(self) -> None:
        """Run until the end; returns within about 1.5 s of a stop, after all jobs have been handed back.

        Raises what the broker or `on_event` raised, after handing back as many jobs as possible.
        """
        self._thread_id = threading.get_ident()
        self._broker.register(self.name, platform.node(), os.getpid(), self._lease_s)
        self._silence.listened()
        self._next_heartbeat = self._monotonic() + self._lease_s / 3
        self._slots = Slots(self._slot_count, name=self.name, run=self._run_job, on_ended=self._signal.set)
        threading.Thread(target=self._wait_for_stop, name=f"{self.name}-stop", daemon=True).start()
        unsubscribe = self._broker.subscribe(self._on_change)
        try:
            self._loop()
        finally:
            unsubscribe()
            self._ended.set()
            self._shut_down()
            self._slots.close()
            with contextlib.suppress(EddylineError):  # otherwise the lease expires
                self._broker.deregister(self.name)
        if self._events.failure is not None:
            raise self._events.failure

    def _loop(self) -> None:
        while not self._stopping:
            self._signal.clear()
            self._on_round()
            self._settle(self._slots.take_ended())
            self._renew_lease()
            self._reports.send(self._jobs.values())
            self._claim()
            if not self._jobs and self._none_due and self._exit_when():
                return
            if not self._slots.has_ended and not self._stopping:
                self._wait()

    @property
    def _stopping(self) -> bool:
        return self._stop.requested or self._events.failure is not None

    def _wait(self) -> None:
        now = self._monotonic()
        pause = self._next_heartbeat - now
        if self._jobs:
            pause = min(pause, self._next_check - now)
        if self._slots.queued:
            pause = min(pause, _MAX_QUEUED_S)
        if len(self._jobs) < self._slot_count:
            pause = min(pause, self._seconds_until_claim())
        if not self._signal.wait(max(pause, 0.0)) and self._slots.queued and pause >= _MAX_QUEUED_S:
            self._prefetch.reset()
            self._hand_back_queued()

    def _seconds_until_claim(self) -> float:
        """Seconds until a claim is worthwhile: a job is due, or the lease of a lost worker has expired."""
        remaining = self._broker.seconds_until_due(self._pools)
        if remaining is None:
            return _POLL_S
        if remaining > 0:
            return min(remaining, _POLL_S)
        self._send_heartbeat()
        self._none_due = False
        # The expired lease of a lost worker remains due until it may be taken back.
        return 0.0 if self._silence.is_silence_significant else _POLL_S

    def _claim(self) -> None:
        free = self._slot_count - len(self._jobs)
        limit = free + self._prefetch.limit
        if self._broker_changed:
            self._broker_changed = False
            self._none_due = False
            self._revoke_lost(self._broker.held_jobs(self.name))
        # A queue that is half full keeps the slots busy while the ledger answers.
        queue_is_full = free <= 0 and self._slots.queued * 2 > self._prefetch.limit
        if self._none_due or limit <= 0 or queue_is_full:
            return
        claims = self._broker.claim(self.name, pools=self._pools, limit=limit, lease_s=self._lease_s)
        self._none_due = len(claims) < limit
        jobs = [self._running_job(claim) for claim in claims]
        self._jobs.update((job.key, job) for job in jobs)
        self._slots.put(jobs)

    def _running_job(self, claim: Claim) -> RunningJob:
        def on_progress(fraction: float, note: str) -> None:
            job.fraction = max(job.fraction, fraction)
            if self._events.enabled:
                self._events.emit(job, WorkerEventKind.PROGRESS, fraction=fraction, note=note)

        context = JobContext(attempt=claim.job.attempt, on_progress=on_progress)
        job = RunningJob(claim=claim, context=context, monotonic=self._monotonic)
        return job

    def _settle(self, ended: Sequence[RunningJob]) -> None:
        if ended:
            self._reports.divide_process_time(self._jobs.values())
        held = [job for job in ended if self._jobs.pop(job.key, None) is not None]
        jobs = [job for job in held if not job.revoked]
        for job in held:
            if job.revoked:
                self._events.emit(job, WorkerEventKind.INTERRUPTED, note=job.context.stop.reason)
        if not jobs:
            return
        accepted = self._broker.settle([_settlement(job, job.outcome) for job in jobs])
        self._none_due = False
        self._prefetch.record(job.elapsed_s for job in jobs)
        if self._events.enabled:
            for job, yes in zip(jobs, accepted, strict=True):
                self._events.emit_outcome(job, accepted=yes)

    def _hand_back_queued(self) -> None:
        jobs = self._slots.withdraw()
        for job in jobs:
            self._jobs.pop(job.key, None)
        self._broker.settle([_settlement(job, None) for job in jobs])
        self._none_due = False

    def _renew_lease(self) -> None:
        now = self._monotonic()
        if now >= self._next_heartbeat:
            self._send_heartbeat()
        elif self._jobs and now >= self._next_check:
            self._next_check = now + _CHECK_HELD_S
            self._revoke_lost(self._broker.held_jobs(self.name))

    def _send_heartbeat(self) -> None:
        """Renew the lease, find out which jobs are still held, then expire the leases of lost workers.

        In this order: after a machine was suspended, a worker must not expire its own lease.
        """
        now = self._monotonic()
        self._next_heartbeat = now + self._lease_s / 3
        self._next_check = now + _CHECK_HELD_S
        self._revoke_lost(self._broker.heartbeat(self.name, self._lease_s))
        self._silence.listened()
        if self._silence.is_silence_significant:
            self._broker.expire_leases()

    def _revoke_lost(self, held: Mapping[str, int]) -> None:
        for (job_id, fence), job in self._jobs.items():
            if held.get(job_id) != fence and not job.revoked:
                job.revoked = True
                job.context.stop.request("cancelled, or taken back from this worker")

    def _shut_down(self) -> None:
        """Stop all jobs, wait briefly, settle those that ended and hand back the rest."""
        for job in self._slots.withdraw():
            job.outcome = Interrupted()
        running = [job for job in self._jobs.values() if job.outcome is None]
        for job in running:
            job.context.stop.request(self._stop.reason or "the worker exits")
        deadline = self._monotonic() + _STOP_TIMEOUT_S
        while any(job.ended is None for job in running) and self._monotonic() < deadline:
            self._signal.wait(0.05)
            self._signal.clear()
        ended = self._slots.take_ended()
        rest = [job for job in self._jobs.values() if job not in ended]
        for job in rest:
            # Its thread may still run; its later outcome is discarded.
            job.outcome = job.outcome or Interrupted()
        self._settle([*ended, *rest])

    def _wait_for_stop(self) -> None:
        while not self._ended.is_set():
            if self._stop.wait(1.0):
                self._signal.set()
                return

    def _on_change(self) -> None:
        if threading.get_ident() != self._thread_id:
            self._broker_changed = True
            self._signal.set()

    def _run_job(self, job: RunningJob) -> Outcome:
        """Run one job, in a slot's thread."""
        self._events.emit(job, WorkerEventKind.STARTED)
        job.context.cpu.start()
        try:
            return run_handler(self._handlers.get(job.claim.job.kind), job.claim.job, job.context)
        finally:
            job.context.cpu.stop()


def _settlement(job: RunningJob, outcome: Outcome | None) -> Settlement:
    return Settlement(
        job_id=job.claim.job.id,
        fence=job.claim.fence,
        outcome=outcome or Interrupted(),
        cpu_s=min(job.context.cpu.read_s(), MAX_CPU_S),
        fraction=1.0 if isinstance(outcome, Done) else min(job.fraction, 1.0),
    )
