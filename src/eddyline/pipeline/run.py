"""A whole run: what was named is submitted, what is open is worked off, and how it went is reported."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from eddyline.core.errors import EddylineError, MissingError
from eddyline.core.stop import Stop
from eddyline.graph.direct import DirectBroker
from eddyline.graph.events import Happening, WorkerEvent
from eddyline.graph.job import Job
from eddyline.graph.ledger import Ledger
from eddyline.graph.states import OPEN, State
from eddyline.graph.worker import Worker
from eddyline.media.profile import Profile
from eddyline.pipeline.bench import Bench
from eddyline.pipeline.discover import Discovered
from eddyline.pipeline.edit.merge import recordings
from eddyline.pipeline.events import AssetFailed, AssetFinished, Event, RunReport, SourceSkipped
from eddyline.pipeline.layout import asset_key, manifest_key
from eddyline.pipeline.progress import Progress
from eddyline.pipeline.steps.table import handlers
from eddyline.pipeline.submit import Submitted, submit

CLASSES = ("light", "cpu")


@dataclass(kw_only=True)
class Run:
    """One embedded run. `where` gives the address of a key that people are told.

    `toolchain` names what the assets are made with (see `submit`). `merge`: the chapters that a camera cut
    one recording into become one asset.
    """

    where: Callable[[str], str]
    bench: Bench
    ledger: Ledger
    profile: Profile
    toolchain: str
    slots: int
    stop: Stop
    on_event: Callable[[Event], None]
    merge: bool = True
    _finished: list[AssetFinished] = field(default_factory=list)
    _failed: dict[str, AssetFailed] = field(default_factory=dict)
    _skipped: list[SourceSkipped] = field(default_factory=list)

    def perform(self, found: Discovered) -> RunReport:
        """Work until nothing is open any more, or until told to stop."""
        for path, reason in found.skipped:
            self._skip(SourceSkipped(path=str(path), reason=reason))
        for path, error in found.failed:
            self._fail(str(path), _failure(str(path), error))
        submitted = self._submit(found.footage)
        open_ones = [each for each in submitted if each.standing == "open"]
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
        return RunReport(
            finished=tuple(self._finished),
            failed=tuple(self._failed.values()),
            skipped=tuple(self._skipped),
            interrupted=self.stop.reason,
        )

    def _submit(self, footage: Sequence[Path]) -> list[Submitted]:
        """One entry an asset: the same footage named twice is done once."""
        known: dict[str, Submitted] = {}
        for path, *rest in recordings(footage) if self.merge else [(path,) for path in footage]:
            if self.stop.requested:
                break
            try:
                made = submit(
                    [str(each) for each in (path, *rest)],
                    self.profile,
                    store=self.bench.store,
                    ledger=self.ledger,
                    toolchain=self.toolchain,
                )
            except EddylineError as error:
                self._fail(str(path), _failure(str(path), error))
                continue
            if made.asset in known:
                first = known[made.asset].source
                self._skip(SourceSkipped(path=str(path), reason=f"the same footage as {first}"))
            elif made.standing == "published":
                known[made.asset] = made
                self._finish(made.asset, made.name, reused=True)
            else:
                known[made.asset] = made
            for chapter in rest:
                self._skip(
                    SourceSkipped(path=str(chapter), reason=f"a chapter of {path.name}, in whose asset it is")
                )
        return list(known.values())

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
            source = self.bench.sources.find(job.asset)
        except MissingError:
            return Submitted(asset=job.asset, name=job.asset, source="", standing="open")
        return Submitted(asset=job.asset, name=source.name, source=source.address, standing="open")

    def _work(self, submitted: list[Submitted]) -> None:
        named = {each.asset: each for each in submitted}
        progress = Progress(
            submitted,
            plan_of=self.bench.plan,
            jobs_of=lambda asset: self.ledger.jobs(asset=asset),
            tell=self.on_event,
        )

        def hear(event: WorkerEvent) -> None:
            progress.hear(event)
            job = event.job
            if job.kind == "tidy":
                return  # the asset is there; what it leaves is swept by the next run
            if event.happening is Happening.FAILED and job.state is State.DEAD:
                self._fail(job.asset, _dead(named.get(job.asset), job))
                # The asset cannot be finished in this run; whoever asks again gets everything back.
                self.ledger.cancel(asset=job.asset, reason=f"{job.id} failed")
            if event.happening is Happening.FINISHED and job.kind == "publish":
                known = named.get(job.asset)
                self._finish(job.asset, known.name if known else job.asset, reused=False)

        Worker(
            f"embedded-{os.getpid()}",
            DirectBroker(self.ledger),
            handlers(self.bench),
            slots=self.slots,
            classes=CLASSES,
            stop=self.stop,
            on_event=hear,
            until=lambda: not self.ledger.has_open(),
        ).run()

    def _stranded(self, submitted: Sequence[Submitted], error: EddylineError) -> None:
        done = {each.asset for each in self._finished}
        for each in submitted:
            if each.asset not in done:
                failed = _failure(each.source, error)
                self._fail(each.asset, replace(failed, asset=each.asset, name=each.name))

    def _account_for(self, submitted: Sequence[Submitted]) -> None:
        """Nothing that was submitted may end without a word."""
        told = {each.asset for each in self._finished} | set(self._failed)
        for each in submitted:
            if each.asset not in told:
                jobs = self.ledger.jobs(asset=each.asset)
                dead = next((job for job in jobs if job.state is State.DEAD), None)
                ended = dead or next((job for job in jobs if job.state is State.CANCELLED), None)
                if ended is not None:
                    self._fail(each.asset, _dead(each, ended))

    def _finish(self, asset: str, name: str, *, reused: bool) -> None:
        event = AssetFinished(
            asset=asset,
            name=name,
            manifest=self.where(manifest_key(asset)),
            page=self.where(asset_key(asset, "index.html")),
            reused=reused,
        )
        self._finished.append(event)
        self.on_event(event)

    def _fail(self, key: str, event: AssetFailed) -> None:
        if key not in self._failed:
            self._failed[key] = event
            self.on_event(event)

    def _skip(self, event: SourceSkipped) -> None:
        self._skipped.append(event)
        self.on_event(event)


def _failure(address: str, error: EddylineError) -> AssetFailed:
    return AssetFailed(
        asset="",
        name=PurePosixPath(address).name,
        source=address,
        job="",
        reason=error.message,
        remedy=error.remedy,
    )


def _dead(submitted: Submitted | None, job: Job) -> AssetFailed:
    evidence: dict[str, Any] = job.error or {}
    return AssetFailed(
        asset=job.asset,
        name=submitted.name if submitted else job.asset,
        source=submitted.source if submitted else "",
        job=job.id,
        reason=str(evidence.get("message", "it failed without saying why")),
        remedy=str(evidence.get("remedy", "")),
    )
