"""Waits for assets that a fleet processes, by reading the ledger, and reports their progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eddyline.core.stop import Stop
from eddyline.fleet.pool_coverage import UnservedPool
from eddyline.graph.job import Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import OPEN, State
from eddyline.pipeline.planning.job_kinds import furthest_stage, job_kind
from eddyline.pipeline.publication.published import is_published
from eddyline.pipeline.runs.events import AssetProgress
from eddyline.pipeline.runs.progress import encoded_frames
from eddyline.pipeline.runs.run_report import ReportBuilder
from eddyline.pipeline.submission.submit import Submitted

_POLL_S = 1.0
_POLL_FACTOR = 10  # a pause between polls lasts at least this many times as long as a poll
_COVERAGE_POLL_S = 5.0
_REPEAT_WARNING_S = 60.0


@dataclass(kw_only=True)
class AssetWaiter:
    """Waits for assets, and reports their progress to `report`. `monotonic` is the clock, in seconds.

    `unserved` returns the pools with due jobs and without workers. Those that these assets wait for are
    reported at once, and again every minute, because their jobs wait until a worker is started.
    """

    report: ReportBuilder
    ledger: Ledger
    stop: Stop
    unserved: Callable[[], Sequence[UnservedPool]] = tuple
    poll_s: float = _POLL_S
    monotonic: Callable[[], float] = time.monotonic
    _due_pools: set[str] = field(default_factory=set)
    _warned: dict[str, float] = field(default_factory=dict)
    _coverage_read: float = -_COVERAGE_POLL_S

    def wait(self, submitted: Sequence[Submitted]) -> None:
        """Return once each asset is published or has failed, or when stopped."""
        unfinished = [each for each in submitted if not self.report.is_closed(each.asset)]
        while unfinished and not self.stop.requested:
            started = self.monotonic()
            self._due_pools.clear()
            unfinished = [each for each in unfinished if not self._update(each)]
            self._report_unserved()
            if unfinished:
                # Polling must stay a small part of the ledger's load, however many assets there are.
                self.stop.wait(max(self.poll_s, _POLL_FACTOR * (self.monotonic() - started)))

    def _report_unserved(self) -> None:
        now = self.monotonic()
        if not self._due_pools or now - self._coverage_read < _COVERAGE_POLL_S:
            return
        self._coverage_read = now
        for each in self.unserved():
            if each.pool not in self._due_pools:
                continue
            if now - self._warned.get(each.pool, -_REPEAT_WARNING_S) >= _REPEAT_WARNING_S:
                self._warned[each.pool] = now
                self.report.on_event(each)

    def _update(self, submitted: Submitted) -> bool:
        """Report the state of one asset; returns whether it has finished or failed."""
        jobs = [
            job
            for job in self.ledger.jobs(asset=submitted.asset)
            if job.state is not State.CANCELLED and not job_kind(job.kind).internal
        ]
        published = any(job_kind(job.kind).publishes and job.state is State.DONE for job in jobs)
        if published and is_published(self.report.store, submitted.asset):
            self.report.finished(submitted.asset, submitted.name, reused=False)
        elif not self.ledger.has_open(submitted.asset):
            self.report.close(submitted, self.ledger)
        else:
            jobs = _current_jobs(jobs)
            self._due_pools |= {job.pool for job in jobs if job.state is State.READY}
            self.report.on_event(_progress(submitted, jobs))
        return self.report.is_closed(submitted.asset)


def _progress(submitted: Submitted, jobs: Sequence[Job]) -> AssetProgress:
    done = [job for job in jobs if job.state is State.DONE]
    stages = [job_kind(job.kind).stage for job in jobs if job.state is State.RUNNING]
    total = sum(job.weight for job in jobs)
    return AssetProgress(
        asset=submitted.asset,
        name=submitted.name,
        stage=furthest_stage(stages) if stages else "waiting",
        fraction=sum(job.weight for job in done) / total if total else 0.0,
        frames_done=int(encoded_frames(done)),
        frames_total=int(encoded_frames(jobs)),
        speed=None,
        eta_s=None,
    )


def _current_jobs(jobs: Sequence[Job]) -> list[Job]:
    """The jobs of open requests; jobs of earlier requests for the same asset may be in the ledger too."""
    requests = {job.spec.get("ask") for job in jobs if job.state in OPEN}
    return [job for job in jobs if job.spec.get("ask") in requests]
