"""A run in one process: submits the sources, runs all open jobs, and reports the result."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from eddyline.core.errors import EddylineError, MissingError
from eddyline.core.processes.cpu_meter import ProcessShare
from eddyline.core.stop import Stop
from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.job import Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import OPEN, State
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.worker import Worker
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.planning.job_kinds import job_kind
from eddyline.pipeline.planning.routing import inspect_pool
from eddyline.pipeline.runs.events import Event, RunReport
from eddyline.pipeline.runs.progress import Progress
from eddyline.pipeline.runs.run_report import ReportBuilder, job_failure, source_failure
from eddyline.pipeline.runs.submit_all import SubmitAll
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.pipeline.steps.table import handlers
from eddyline.pipeline.submission.discover import Discovered
from eddyline.pipeline.submission.submit import Submitted


@dataclass(kw_only=True)
class Run:
    """One embedded run. `where` returns the address of a key as it is displayed to users.

    `merge`: chapter files of one recording become one asset. `process_share`: of the process's CPU time.
    """

    where: Callable[[str], str]
    runtime: Runtime
    ledger: Ledger
    profile: Profile
    slots: int
    stop: Stop
    on_event: Callable[[Event], None]
    merge: bool = True
    process_share: ProcessShare | None = None
    _report: ReportBuilder = field(init=False)

    def __post_init__(self) -> None:
        self._report = ReportBuilder(store=self.runtime.store, where=self.where, on_event=self.on_event)

    def execute(self, found: Discovered) -> RunReport:
        """Run until no job is open any more, or until stopped."""
        if self.process_share is not None:
            self.process_share.begin()
        submitted = SubmitAll(
            report=self._report,
            ledger=self.ledger,
            profile=self.profile,
            toolchain=self.runtime.tools.identity,
            stop=self.stop,
            merge=self.merge,
            pool=inspect_pool(self.runtime.pools),
        ).submit(found)
        unfinished = [each for each in submitted if each.status == "open"]
        unfinished += self._earlier_assets({each.asset for each in submitted})
        # A published asset may still have an open job that tidies up.
        if (unfinished or self.ledger.has_open()) and not self.stop.requested:
            try:
                self._run_jobs(unfinished)
            except EddylineError as error:
                # The ledger itself failed (mostly a full disk): open jobs stay open for the next run.
                self._fail_all(unfinished, error)
        if not self.stop.requested:
            for each in unfinished:
                if not self._report.is_closed(each.asset):
                    self._report.close(each, self.ledger)
        return self._report.report(self.stop.reason)

    def _earlier_assets(self, submitted: set[str]) -> list[Submitted]:
        """Unfinished assets of earlier runs in this directory: they are continued."""
        found = {}
        for state in OPEN:
            for job in self.ledger.jobs(state=state):
                if job.asset not in submitted and job.asset not in found:
                    found[job.asset] = self._earlier_asset(job)
        return list(found.values())

    def _earlier_asset(self, job: Job) -> Submitted:
        try:
            source = self.runtime.sources.find(job.asset)
        except MissingError:
            return Submitted(asset=job.asset, name=job.asset, source="", status="open")
        return Submitted(asset=job.asset, name=source.name, source=source.address, status="open")

    def _run_jobs(self, submitted: Sequence[Submitted]) -> None:
        by_asset = {each.asset: each for each in submitted}
        progress = Progress(
            submitted,
            plan_of=self.runtime.plan,
            jobs_of=lambda asset: self.ledger.jobs(asset=asset),
            on_progress=self.on_event,
        )

        def on_worker_event(event: WorkerEvent) -> None:
            progress.update(event)
            job = event.job
            if job_kind(job.kind).internal:
                return  # the asset is published; the next run removes what this job leaves
            if event.kind is WorkerEventKind.FAILED and job.state is State.DEAD:
                self._report.failed(job.asset, job_failure(by_asset.get(job.asset), job))
                # This run cannot finish the asset; submitting it again restores its jobs.
                self.ledger.cancel(asset=job.asset, reason=f"{job.id} failed")
            if event.kind is WorkerEventKind.FINISHED and job_kind(job.kind).publishes:
                source = by_asset.get(job.asset)
                self._report.finished(job.asset, source.name if source else job.asset, reused=False)

        Worker(
            f"embedded-{os.getpid()}",
            DirectBroker(self.ledger),
            handlers(self.runtime),
            slots=self.slots,
            pools=self._pools(),
            stop=self.stop,
            on_event=on_worker_event,
            exit_when=lambda: not self.ledger.has_open(),
            process_share=self.process_share,
        ).run()

    def _pools(self) -> tuple[str, ...]:
        """All pools, and those of open jobs of an earlier run with another pools.yaml."""
        open_jobs = {job.pool for state in OPEN for job in self.ledger.jobs(state=state)}
        return (*self.runtime.pools.pools, *sorted(open_jobs - set(self.runtime.pools.pools)))

    def _fail_all(self, submitted: Sequence[Submitted], error: EddylineError) -> None:
        for each in submitted:
            if not self._report.is_closed(each.asset):
                failure = source_failure(each.source, error)
                self._report.failed(each.asset, replace(failure, asset=each.asset, name=each.name))
