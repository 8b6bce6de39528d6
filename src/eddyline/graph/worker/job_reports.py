"""Reports of running jobs to the broker: their progress for display, and their CPU time in case of a kill."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection

from eddyline.core.errors import TransientError
from eddyline.core.processes.cpu_meter import ProcessShare
from eddyline.graph.job import MAX_CPU_S
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.slots import RunningJob

_PROGRESS_S = 1.5  # between two reports of progress
_CPU_S = 3.0  # between two reports of CPU time
_MIN_CPU_S = 0.2  # less is not reported


class JobReports:
    """The reports of one worker, from the thread of its loop. Reports that the broker cannot take are lost.

    `process_share` adds the rest of the process's CPU time to that of its jobs.
    """

    def __init__(
        self,
        worker: str,
        broker: Broker,
        *,
        monotonic: Callable[[], float],
        process_share: ProcessShare | None,
    ) -> None:
        self._worker = worker
        self._broker = broker
        self._monotonic = monotonic
        self._process_share = process_share
        self._next_progress = 0.0
        self._next_cpu = monotonic() + _CPU_S

    def send(self, jobs: Collection[RunningJob]) -> None:
        """Report for all jobs at once: progress that changed at most every 1.5 s, CPU time every 3 s."""
        now = self._monotonic()
        if now >= self._next_progress:
            self._report_progress(jobs, now)
        if now >= self._next_cpu and jobs:
            self._next_cpu = now + _CPU_S
            self._report_cpu(jobs)

    def divide_process_time(self, jobs: Collection[RunningJob]) -> None:
        """Divide the process's CPU time among the jobs that run, and those that ended since the last call."""
        if self._process_share is not None:
            self._process_share.divide([job.context.cpu for job in jobs if job.started is not None])

    def _report_progress(self, jobs: Collection[RunningJob], now: float) -> None:
        changed = [job for job in jobs if job.fraction > job.reported and _is_current(job)]
        if not changed:
            return
        self._next_progress = now + _PROGRESS_S
        for job in changed:
            job.reported = min(job.fraction, 1.0)
        with contextlib.suppress(TransientError):
            self._broker.report_progress(
                self._worker, {job.claim.job.id: (job.claim.fence, job.reported) for job in changed}
            )

    def _report_cpu(self, jobs: Collection[RunningJob]) -> None:
        self.divide_process_time(jobs)
        spent = {
            job.claim.job.id: (job.claim.fence, min(job.context.cpu.read_s(), MAX_CPU_S))
            for job in jobs
            if job.started is not None and _is_current(job)
        }
        spent = {job_id: each for job_id, each in spent.items() if each[1] >= _MIN_CPU_S}
        if spent:
            with contextlib.suppress(TransientError):
                self._broker.report_cpu(self._worker, spent)


def _is_current(job: RunningJob) -> bool:
    """Whether the job still runs, with the claim of this worker."""
    return not job.revoked and job.outcome is None
