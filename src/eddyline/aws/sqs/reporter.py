"""The reports of a worker to the coordinators: heartbeats and starts in batches, results at once."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from eddyline.aws.sqs.client import SqsClient
from eddyline.aws.sqs.in_flight import HeldMessage
from eddyline.aws.sqs.message_body import TooLongError, encode_body
from eddyline.core.background_loop import keep_running
from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.clock import Clock
from eddyline.core.errors import EddylineError, TransientError
from eddyline.graph.coordinator.wire import WireError, report_from_json, report_to_json
from eddyline.graph.job import Failed, Settlement
from eddyline.graph.machine import UNKNOWN_MACHINE, Machine
from eddyline.graph.messages import Heartbeat, JobProgress, JobResult, JobStarted, WorkerReport

_KEY_BYTES = 16  # of the secret by which coordinators recognise the worker
_LEASES_SILENT = 3  # leases without a heartbeat before coordinators consider a worker lost
_PROGRESS_S = 6.0  # between two heartbeats that are sent because of progress
_BATCH = 200  # reports in one message
# Starts of jobs shorter than this are never sent: the result suffices. A cancellation finds its worker only
# once the start is known, and must stop the job within 2 s.
_BATCH_DELAY_S = 0.25
_MAX_PENDING = 10_000
_BACKOFF = BackoffPolicy(base_s=0.1, cap_s=1.0)
_CLOSE_S = 1.0


class Reporter:
    """Builds one worker's reports and sends them to the queue of reports. Safe from any thread."""

    def __init__(
        self,
        queues: SqsClient,
        clock: Clock,
        *,
        machine: Machine = UNKNOWN_MACHINE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queues = queues
        self._clock = clock
        self._machine = machine
        self._monotonic = monotonic
        self._host_and_pid = ("", 0)
        self._lease_s = 0.0
        self._next_heartbeat = 0.0
        self._next_progress = 0.0
        self._progress: dict[str, tuple[int, float]] = {}
        self._key = secrets.token_hex(_KEY_BYTES)
        self._changed = threading.Condition()
        self._pending: list[WorkerReport] = []
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="reports", daemon=True)
        self._thread.start()
        self.worker = ""

    def register(self, worker: str, host: str, pid: int) -> None:
        """Report for this worker from now on."""
        self.worker = worker
        self._host_and_pid = (host, pid)

    # Heartbeats

    @property
    def is_heartbeat_due(self) -> bool:
        """Whether a lease has passed since the last heartbeat."""
        return self._monotonic() >= self._next_heartbeat

    def heartbeat(self, lease_s: float, list_jobs: Callable[[], Iterable[str]]) -> None:
        """Report that the worker is alive and which jobs it holds."""
        now = self._monotonic()
        self._lease_s = lease_s
        self._next_heartbeat = now + lease_s
        self._next_progress = now + _PROGRESS_S
        with self._changed:
            progress, self._progress = self._progress, {}
        # `at` is read before the list: a job claimed in between starts after `at`.
        at = self._clock.now()
        report = self._heartbeat(lease_s * _LEASES_SILENT)
        holds = tuple(list_jobs())
        known = tuple(
            JobProgress(job_id=job_id, fence=fence, fraction=fraction)
            for job_id, (fence, fraction) in progress.items()
            if job_id in holds
        )
        self._send_later(replace(report, at=at, holds=holds, progress=known))

    def add_progress(self, progress: Mapping[str, tuple[int, float]]) -> None:
        """Report this progress with the next heartbeat: by job, its fence and fraction."""
        with self._changed:
            self._progress |= progress

    @property
    def is_progress_due(self) -> bool:
        """Whether a heartbeat may be sent because of progress alone."""
        return self._lease_s > 0 and bool(self._progress) and self._monotonic() >= self._next_progress

    def repeat_heartbeat(self, list_jobs: Callable[[], Iterable[str]]) -> None:
        """Send a heartbeat with the lease of the last one."""
        self.heartbeat(self._lease_s, list_jobs)

    def end_lease(self) -> None:
        """Report that the worker's lease ends now."""
        self._send_later(self._heartbeat(0.0))

    def _heartbeat(self, lease_s: float) -> Heartbeat:
        host, pid = self._host_and_pid
        return Heartbeat(
            worker=self.worker, host=host, pid=pid, lease_s=lease_s, key=self._key, machine=self._machine
        )

    # Starts and results

    def report_starts(self, held: Sequence[HeldMessage]) -> None:
        """Report starts soon, or at once for jobs received before: such a job may have killed its worker.

        Otherwise a job that kills workers before a batch is sent would never be identified.
        """
        suspects = [each for each in held if each.message.receive_count > 1]
        if suspects:
            self._send_now_or_later(*(self._start(each) for each in suspects))
        rest = [self._start(each) for each in held if each not in suspects]
        if rest:
            self._send_later(*rest)

    def _start(self, held: HeldMessage) -> JobStarted:
        job_id, fence = held.key
        return JobStarted(
            job_id=job_id,
            fence=fence,
            worker=self.worker,
            at=held.claimed_at,
            token=held.offer.token,
            key=self._key,
        )

    def result(self, held: HeldMessage, settlement: Settlement) -> JobResult:
        """The result of a job, to be sent by `send_results`."""
        return JobResult(
            job_id=settlement.job_id,
            fence=settlement.fence,
            worker=self.worker,
            at=held.claimed_at,
            outcome=settlement.outcome,
            token=held.offer.token,
            key=self._key,
            cpu_s=settlement.cpu_s,
            fraction=settlement.fraction,
        )

    def send_results(self, results: Sequence[JobResult], *, timeout_s: float) -> None:
        """Send results and all pending reports; on return the queue has them.

        Pending starts of the same jobs are dropped. Retries for `timeout_s`, then raises `QueueError`.
        """
        keys = {(result.job_id, result.fence) for result in results}
        with self._changed:
            pending = [report for report in self._pending if not _is_start_of(report, keys)]
            self._pending = []
        deadline = self._monotonic() + timeout_s
        backoff = Backoff(_BACKOFF, wait=self._clock.sleep, deadline=deadline, clock=self._monotonic)
        while True:
            try:
                self._send([*pending, *results])
            except TransientError:
                if not backoff.pause():
                    raise
            else:
                return

    # Sending

    def close(self) -> None:
        """Try once to send the pending reports, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=_CLOSE_S)  # else the process may exit before the last reports are sent

    def _send_later(self, *reports: WorkerReport) -> None:
        """Add to the next batch; if too many are pending, the oldest are dropped."""
        with self._changed:
            self._pending = (self._pending + list(reports))[-_MAX_PENDING:]
            self._changed.notify_all()

    def _send_now_or_later(self, *reports: WorkerReport) -> None:
        try:
            self._send(reports)
        except TransientError:
            self._send_later(*reports)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._pending and not self._closed:
                    self._changed.wait()
                if not self._closed:
                    self._changed.wait_for(lambda: self._closed, _BATCH_DELAY_S)
                reports, self._pending = self._pending, []
                closed = self._closed
            keep_running("reports", partial(self._flush, reports, closed=closed))
            if closed:
                return

    def _flush(self, reports: Sequence[WorkerReport], *, closed: bool) -> None:
        try:
            self._send(reports)
        except EddylineError:
            if not closed:
                self._send_later(*reports)

    def _send(self, reports: Sequence[WorkerReport]) -> None:
        bodies = [
            body
            for start in range(0, len(reports), _BATCH)
            for body in _encode_reports(reports[start : start + _BATCH])
        ]
        if bodies and not all(self._queues.send(self._queues.naming.reports, bodies)):
            raise TransientError("the queue did not accept all reports")


def _is_start_of(report: WorkerReport, keys: set[tuple[str, int]]) -> bool:
    return isinstance(report, JobStarted) and (report.job_id, report.fence) in keys


def _encode_reports(reports: Sequence[WorkerReport]) -> list[str]:
    """The message bodies of reports. A report that cannot be sent even alone is replaced by a failure."""
    try:
        plain = [report_to_json(report) for report in reports]
        body = encode_body({"v": 1, "facts": plain})
        for each in plain:
            # A report that coordinators would park must not be sent: the job would run again and again.
            report_from_json(each)
    except (TooLongError, WireError, TypeError, ValueError, RecursionError) as error:
        if len(reports) > 1:
            middle = len(reports) // 2
            return _encode_reports(reports[:middle]) + _encode_reports(reports[middle:])
        return [encode_body({"v": 1, "facts": [report_to_json(_without_content(reports[0], error))]})]
    return [body]


def _without_content(report: WorkerReport, error: Exception) -> WorkerReport:
    """The report reduced to what can be sent; a result becomes a failure with `error` as evidence."""
    if isinstance(report, Heartbeat):
        return replace(report, host="", holds=None, machine=UNKNOWN_MACHINE, progress=())
    if isinstance(report, JobStarted):
        return report
    evidence = (
        error.evidence()
        if isinstance(error, EddylineError)
        else {"error": "NotJson", "message": f"the job's result is not JSON: {error}", "remedy": "report it"}
    )
    return replace(report, outcome=Failed(error=evidence, retry=False))
