"""Watching from afar how a fleet gets on with assets: by the ledger alone, however many work on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eddyline.core.stop import Stop
from eddyline.fleet.pool_coverage import UnservedPool
from eddyline.graph.job import Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import OPEN, State
from eddyline.pipeline.publication.published import is_published
from eddyline.pipeline.runs.events import AssetProgress, Event
from eddyline.pipeline.runs.progress import STAGES
from eddyline.pipeline.runs.run_report import ReportBuilder
from eddyline.pipeline.submission.submit import Submitted
from eddyline.store.store import Store

_LOOK_EVERY_S = 1.0
_REST = 10  # times as long as a look took
_ASK_EVERY_S = 5.0
_TELL_EVERY_S = 60.0


@dataclass(kw_only=True)
class AssetWaiter:
    """Waits for assets, and tells how far they are.

    `unserved` finds the classes with due jobs and no workers. Those that these assets wait for are told at
    once, and again and again: nobody should wait for what never comes without a word.
    """

    store: Store
    ledger: Ledger
    account: ReportBuilder
    stop: Stop
    on_event: Callable[[Event], None]
    unserved: Callable[[], Sequence[UnservedPool]] = tuple
    every_s: float = _LOOK_EVERY_S
    monotonic: Callable[[], float] = time.monotonic
    _due: set[str] = field(default_factory=set)
    _told: dict[str, float] = field(default_factory=dict)
    _asked: float = -_ASK_EVERY_S

    def to_the_end(self, submitted: Sequence[Submitted]) -> None:
        """Come back once each is published or has failed, or when told to stop."""
        open_ones = [each for each in submitted if not self.account.is_closed(each.asset)]
        while open_ones and not self.stop.requested:
            began = time.monotonic()
            self._due.clear()
            open_ones = [each for each in open_ones if self._is_open(each)]
            self._tell_unserved()
            if open_ones:
                # However many assets are waited for, looking at them is a small part of the ledger's work.
                self.stop.wait(max(self.every_s, _REST * (time.monotonic() - began)))

    def _tell_unserved(self) -> None:
        now = self.monotonic()
        if not self._due or now - self._asked < _ASK_EVERY_S:
            return
        self._asked = now
        missing = [each for each in self.unserved() if each.pool in self._due]
        for each in missing:
            if now - self._told.get(each.pool, -_TELL_EVERY_S) >= _TELL_EVERY_S:
                self._told[each.pool] = now
                self.on_event(each)

    def _is_open(self, submitted: Submitted) -> bool:
        jobs = self.ledger.jobs(asset=submitted.asset)
        wanted = [job for job in jobs if job.state is not State.CANCELLED and job.kind != "tidy"]
        if any(job.kind == "publish" and job.state is State.DONE for job in wanted) and is_published(
            self.store, submitted.asset
        ):
            self.account.finished(submitted.asset, submitted.name, reused=False)
        elif not self.ledger.has_open(submitted.asset):
            self.account.settle(submitted, self.ledger, self.store)
        else:
            wanted = _being_made(wanted)
            running = [job for job in wanted if job.state is State.RUNNING]
            self._due |= {job.pool for job in wanted if job.state is State.READY}
            stages = [STAGES.get(job.kind, ("encode", 1)) for job in running]
            total = sum(job.weight for job in wanted)
            done = [job for job in wanted if job.state is State.DONE]
            self.on_event(
                AssetProgress(
                    asset=submitted.asset,
                    name=submitted.name,
                    stage=max(stages, key=lambda stage: stage[1])[0] if stages else "waiting",
                    fraction=sum(job.weight for job in done) / total if total else 0.0,
                    frames_done=int(sum(job.weight for job in done if job.kind == "chunk")),
                    frames_total=int(sum(job.weight for job in wanted if job.kind == "chunk")),
                    speed=None,
                    eta_s=None,
                )
            )
        return not self.account.is_closed(submitted.asset)


def _being_made(jobs: Sequence[Job]) -> list[Job]:
    """The jobs of what is made now: an asset may have been made before, and be gone or elsewhere since."""
    asks = {job.spec.get("ask") for job in jobs if job.state in OPEN}
    return [job for job in jobs if job.spec.get("ask") in asks]
