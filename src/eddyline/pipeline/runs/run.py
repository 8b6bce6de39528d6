"""A whole run: what was named is submitted, what is open is worked off, and how it went is reported."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from eddyline.core.errors import EddylineError, MissingError
from eddyline.core.stop import Stop
from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.job import Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import OPEN, State
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.worker import Worker
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.planning.routing import inspect_pool
from eddyline.pipeline.publication.published import read_left_out
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
    """One embedded run. `where` gives the address of a key as it is shown to users.

    `toolchain` names what the assets are made with (see `submit`). `merge`: the chapters that a camera cut
    one recording into become one asset.
    """

    where: Callable[[str], str]
    runtime: Runtime
    ledger: Ledger
    profile: Profile
    toolchain: str
    slots: int
    stop: Stop
    on_event: Callable[[Event], None]
    merge: bool = True
    account: ReportBuilder = field(init=False)

    def __post_init__(self) -> None:
        self.account = ReportBuilder(
            where=self.where, on_event=self.on_event, left_out=partial(read_left_out, self.runtime.store)
        )

    def perform(self, found: Discovered) -> RunReport:
        """Work until nothing is open any more, or until told to stop."""
        intake = SubmitAll(
            store=self.runtime.store,
            ledger=self.ledger,
            profile=self.profile,
            toolchain=self.toolchain,
            account=self.account,
            stop=self.stop,
            merge=self.merge,
            pool=inspect_pool(self.runtime.pools),
        )
        submitted = intake.take(found)
        open_ones = [each for each in submitted if each.status == "open"]
        open_ones += self._left_over({each.asset for each in submitted})
        # What tidies up after an asset may be open yet, though the asset is published.
        if (open_ones or self.ledger.has_open()) and not self.stop.requested:
            try:
                self._work(open_ones)
            except EddylineError as error:
                # The ledger itself failed (a full disk, mostly): what was open stays open for the next run.
                self._stranded(open_ones, error)
        if not self.stop.requested:
            self._account_for(open_ones)
        return self.account.report(self.stop.reason)

    def _left_over(self, named: set[str]) -> list[Submitted]:
        """Assets that an earlier run in this folder began and did not end: they are continued."""
        found = {}
        for state in OPEN:
            for job in self.ledger.jobs(state=state):
                if job.asset not in named and job.asset not in found:
                    found[job.asset] = self._recall(job)
        return list(found.values())

    def _recall(self, job: Job) -> Submitted:
        try:
            source = self.runtime.sources.find(job.asset)
        except MissingError:
            return Submitted(asset=job.asset, name=job.asset, source="", status="open")
        return Submitted(asset=job.asset, name=source.name, source=source.address, status="open")

    def _work(self, submitted: list[Submitted]) -> None:
        named = {each.asset: each for each in submitted}
        progress = Progress(
            submitted,
            plan_of=self.runtime.plan,
            jobs_of=lambda asset: self.ledger.jobs(asset=asset),
            tell=self.on_event,
        )

        def hear(event: WorkerEvent) -> None:
            progress.hear(event)
            job = event.job
            if job.kind == "tidy":
                return  # the asset is there; what it leaves is swept by the next run
            if event.kind is WorkerEventKind.FAILED and job.state is State.DEAD:
                self.account.failed(job.asset, job_failure(named.get(job.asset), job))
                # The asset cannot be finished in this run; whoever asks again gets everything back.
                self.ledger.cancel(asset=job.asset, reason=f"{job.id} failed")
            if event.kind is WorkerEventKind.FINISHED and job.kind == "publish":
                known = named.get(job.asset)
                self.account.finished(job.asset, known.name if known else job.asset, reused=False)

        Worker(
            f"embedded-{os.getpid()}",
            DirectBroker(self.ledger),
            handlers(self.runtime),
            slots=self.slots,
            pools=self._pools(),
            stop=self.stop,
            on_event=hear,
            exit_when=lambda: not self.ledger.has_open(),
        ).run()

    def _pools(self) -> tuple[str, ...]:
        """All classes, and those of jobs that an earlier run left with another file of classes."""
        left = {job.pool for state in OPEN for job in self.ledger.jobs(state=state)}
        return (*self.runtime.pools.pools, *sorted(left - set(self.runtime.pools.pools)))

    def _stranded(self, submitted: Sequence[Submitted], error: EddylineError) -> None:
        for each in submitted:
            if not self.account.is_closed(each.asset):
                failed = source_failure(each.source, error)
                self.account.failed(each.asset, replace(failed, asset=each.asset, name=each.name))

    def _account_for(self, submitted: Sequence[Submitted]) -> None:
        """Nothing that was submitted may end without a word."""
        for each in submitted:
            if not self.account.is_closed(each.asset):
                self.account.settle(each, self.ledger, self.runtime.store)
