"""What became of each source and each asset, told once and kept for the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from eddyline.core.errors import EddylineError
from eddyline.graph.job import Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.media.left_out.report import LeftOut
from eddyline.pipeline.planning.output_layout import asset_key, manifest_key
from eddyline.pipeline.publication.published import is_published
from eddyline.pipeline.runs.events import (
    AssetFailed,
    AssetFinished,
    AssetSubmitted,
    Event,
    RunReport,
    SourceSkipped,
    SubmitProgress,
)
from eddyline.pipeline.submission.submit import Submitted
from eddyline.store.addresses import parse
from eddyline.store.store import Store


@dataclass(kw_only=True)
class ReportBuilder:
    """One run's account. `where` gives the address of a key as it is shown to users.

    `left_out` gives what a published asset does not carry of its source.
    """

    where: Callable[[str], str]
    on_event: Callable[[Event], None]
    left_out: Callable[[str], tuple[LeftOut, ...]] = lambda _: ()
    _submitted: list[AssetSubmitted] = field(default_factory=list)
    _finished: dict[str, AssetFinished] = field(default_factory=dict)
    _failed: dict[str, AssetFailed] = field(default_factory=dict)
    _skipped: list[SourceSkipped] = field(default_factory=list)

    def submitting(self, done: int, total: int, recording: Sequence[str]) -> None:
        """The next recording is about to be submitted."""
        name = PurePosixPath(recording[0]).name
        size = sum(_local_size(address) for address in recording)
        self.on_event(SubmitProgress(done=done, total=total, name=name, bytes=size))

    def submitted(self, made: Submitted) -> None:
        """It was handed to a fleet."""
        event = AssetSubmitted(asset=made.asset, name=made.name, source=made.source)
        self._submitted.append(event)
        self.on_event(event)

    def finished(self, asset: str, name: str, *, reused: bool) -> None:
        """It is published."""
        event = AssetFinished(
            asset=asset,
            name=name,
            manifest=self.where(manifest_key(asset)),
            page=self.where(asset_key(asset, "index.html")),
            reused=reused,
            left_out=self.left_out(asset),
        )
        self._finished[asset] = event
        self.on_event(event)

    def failed(self, key: str, event: AssetFailed) -> None:
        """It will not be published; only the first reason counts. `key` is the asset, or the source."""
        if key not in self._failed:
            self._failed[key] = event
            self.on_event(event)

    def refused(self, address: str, error: EddylineError) -> None:
        """A source that did not even become an asset."""
        self.failed(address, source_failure(address, error))

    def skipped(self, address: str, reason: str) -> None:
        """A source of which nothing is made."""
        event = SourceSkipped(path=address, reason=reason)
        self._skipped.append(event)
        self.on_event(event)

    def is_closed(self, asset: str) -> bool:
        """Whether the asset's end has been told."""
        return asset in self._finished or asset in self._failed

    def settle(self, submitted: Submitted, ledger: Ledger, store: Store) -> None:
        """Tell how an asset ended of which nothing is open any more."""
        jobs = ledger.jobs(asset=submitted.asset)
        dead = next((job for job in jobs if job.state is State.DEAD), None)
        ended = dead or next((job for job in jobs if job.state is State.CANCELLED), None)
        if is_published(store, submitted.asset):
            self.finished(submitted.asset, submitted.name, reused=False)
        elif ended is not None:
            self.failed(submitted.asset, job_failure(submitted, ended))
        else:
            self.failed(
                submitted.asset, _missing_output_failure(submitted, self.where(manifest_key(submitted.asset)))
            )

    def report(self, interrupted: str) -> RunReport:
        """The whole; `interrupted` is the reason if it was cut short."""
        return RunReport(
            submitted=tuple(self._submitted),
            finished=tuple(self._finished.values()),
            failed=tuple(self._failed.values()),
            skipped=tuple(self._skipped),
            interrupted=interrupted,
        )


def source_failure(address: str, error: EddylineError) -> AssetFailed:
    """What is told of a source that an error ended."""
    return AssetFailed(
        asset="",
        name=PurePosixPath(address).name,
        source=address,
        job="",
        reason=error.message,
        remedy=error.remedy,
        refusal=error.reason,
    )


def _local_size(address: str) -> int:
    """Bytes of a local file; 0 for anything else, or where it cannot be read (submitting it says why)."""
    place = parse(address)
    try:
        return place.folder.stat().st_size if place.local else 0
    except (OSError, ValueError):
        return 0


def _missing_output_failure(submitted: Submitted, manifest: str) -> AssetFailed:
    """What is told of an asset whose jobs are all done, and which is not there, or not whole."""
    return AssetFailed(
        asset=submitted.asset,
        name=submitted.name,
        source=submitted.source,
        job="",
        reason=f"all its jobs are done, yet {manifest}, or what it names, is not there",
        remedy="see who removes things there; then run the same command again: it is made anew",
    )


def job_failure(submitted: Submitted | None, job: Job) -> AssetFailed:
    """What is told of an asset of which `job` will never be done."""
    evidence: dict[str, Any] = job.error or {}
    return AssetFailed(
        asset=job.asset,
        name=submitted.name if submitted else job.asset,
        source=submitted.source if submitted else "",
        job=job.id,
        reason=str(evidence.get("message", "it failed without saying why")),
        remedy=str(evidence.get("remedy", "")),
        refusal=str(evidence.get("reason", "")),
    )
