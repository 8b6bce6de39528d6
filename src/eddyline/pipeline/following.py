"""Watching from afar how a fleet gets on with assets: by the ledger alone, however many work on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eddyline.core.stop import Stop
from eddyline.core.store import Store
from eddyline.graph.ledger import Ledger
from eddyline.graph.states import State
from eddyline.pipeline.account import Account
from eddyline.pipeline.events import AssetProgress, Event
from eddyline.pipeline.progress import STAGES
from eddyline.pipeline.published import published
from eddyline.pipeline.submit import Submitted

_LOOK_EVERY_S = 1.0
_REST = 10  # times as long as a look took


@dataclass(kw_only=True)
class Following:
    """Waits for assets, and tells how far they are."""

    store: Store
    ledger: Ledger
    account: Account
    stop: Stop
    on_event: Callable[[Event], None]

    def to_the_end(self, submitted: Sequence[Submitted]) -> None:
        """Come back once each is published or has failed, or when told to stop."""
        open_ones = [each for each in submitted if not self.account.is_closed(each.asset)]
        while open_ones and not self.stop.requested:
            began = time.monotonic()
            open_ones = [each for each in open_ones if self._is_open(each)]
            if open_ones:
                # However many assets are waited for, looking at them is a small part of the ledger's work.
                self.stop.wait(max(_LOOK_EVERY_S, _REST * (time.monotonic() - began)))

    def _is_open(self, submitted: Submitted) -> bool:
        jobs = self.ledger.jobs(asset=submitted.asset)
        wanted = [job for job in jobs if job.state is not State.CANCELLED and job.kind != "tidy"]
        if any(job.kind == "publish" and job.state is State.DONE for job in wanted) and published(
            self.store, submitted.asset
        ):
            self.account.finished(submitted.asset, submitted.name, reused=False)
        elif not self.ledger.has_open(submitted.asset):
            self.account.settle(submitted, self.ledger, self.store)
        else:
            running = [job for job in wanted if job.state is State.RUNNING]
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
