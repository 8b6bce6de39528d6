"""Builds the report of a run: what became of each source and each asset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from eddyline.core.errors import EddylineError
from eddyline.graph.job import Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.pipeline.planning.output_layout import asset_key, manifest_key
from eddyline.pipeline.publication.published import is_published, read_left_out
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
    """Emits the events of one run, and collects them for its report.

    `store` holds the assets; `where` returns the address of a key as it is displayed to users.
    """

    store: Store
    where: Callable[[str], str]
    on_event: Callable[[Event], None]
    _submitted: list[AssetSubmitted] = field(default_factory=list)
    _finished: dict[str, AssetFinished] = field(default_factory=dict)
    _failed: dict[str, AssetFailed] = field(default_factory=dict)
    _skipped: list[SourceSkipped] = field(default_factory=list)

    def submitting(self, done: int, total: int, recording: Sequence[str]) -> None:
        """The next recording is about to be submitted."""
        name = PurePosixPath(recording[0]).name
        size = sum(_local_size(address) for address in recording)
        self.on_event(SubmitProgress(done=done, total=total, name=name, bytes=size))

    def submitted(self, submitted: Submitted) -> None:
        """A source was submitted to a fleet."""
        event = AssetSubmitted(asset=submitted.asset, name=submitted.name, source=submitted.source)
        self._submitted.append(event)
        self.on_event(event)

    def finished(self, asset: str, name: str, *, reused: bool) -> None:
        """An asset is published."""
        event = AssetFinished(
            asset=asset,
            name=name,
            manifest=self.where(manifest_key(asset)),
            page=self.where(asset_key(asset, "index.html")),
            reused=reused,
            left_out=read_left_out(self.store, asset),
        )
        self._finished[asset] = event
        self.on_event(event)

    def failed(self, key: str, event: AssetFailed) -> None:
        """An asset will not be published; only the first reason counts. `key` is the asset, or the source."""
        if key not in self._failed:
            self._failed[key] = event
            self.on_event(event)

    def refused(self, address: str, error: EddylineError) -> None:
        """A source could not be submitted."""
        self.failed(address, source_failure(address, error))

    def skipped(self, address: str, reason: str) -> None:
        """A source is not processed."""
        event = SourceSkipped(path=address, reason=reason)
        self._skipped.append(event)
        self.on_event(event)

    def is_closed(self, asset: str) -> bool:
        """Whether the asset has been reported as finished or failed."""
        return asset in self._finished or asset in self._failed

    def close(self, submitted: Submitted, ledger: Ledger) -> None:
        """Report how an asset without open jobs ended."""
        jobs = ledger.jobs(asset=submitted.asset)
        dead = next((job for job in jobs if job.state is State.DEAD), None)
        ended = dead or next((job for job in jobs if job.state is State.CANCELLED), None)
        if is_published(self.store, submitted.asset):
            self.finished(submitted.asset, submitted.name, reused=False)
        elif ended is not None:
            self.failed(submitted.asset, job_failure(submitted, ended))
        else:
            manifest = self.where(manifest_key(submitted.asset))
            self.failed(submitted.asset, _missing_output_failure(submitted, manifest))

    def report(self, interrupted: str) -> RunReport:
        """The report; `interrupted` is the reason if the run was stopped."""
        return RunReport(
            submitted=tuple(self._submitted),
            finished=tuple(self._finished.values()),
            failed=tuple(self._failed.values()),
            skipped=tuple(self._skipped),
            interrupted=interrupted,
        )


def source_failure(address: str, error: EddylineError) -> AssetFailed:
    """The event for a source that could not be submitted."""
    return AssetFailed(
        asset="",
        name=PurePosixPath(address).name,
        source=address,
        job="",
        reason=error.message,
        remedy=error.remedy,
        refusal=error.reason,
    )


def job_failure(submitted: Submitted | None, job: Job) -> AssetFailed:
    """The event for an asset whose `job` is dead or cancelled."""
    error: dict[str, Any] = job.error or {}
    return AssetFailed(
        asset=job.asset,
        name=submitted.name if submitted else job.asset,
        source=submitted.source if submitted else "",
        job=job.id,
        reason=str(error.get("message", "the job failed without a message")),
        remedy=str(error.get("remedy", "")),
        refusal=str(error.get("reason", "")),
    )


def _missing_output_failure(submitted: Submitted, manifest: str) -> AssetFailed:
    """The event for an asset whose jobs are all done, and which is missing or incomplete."""
    return AssetFailed(
        asset=submitted.asset,
        name=submitted.name,
        source=submitted.source,
        job="",
        reason=f"all jobs are done, but {manifest} or a file that it names is missing",
        remedy="check what removes files there; then run the same command again: the asset is made again",
    )


def _local_size(address: str) -> int:
    """Bytes of a local file; 0 for anything else, or if it cannot be read (its submission reports why)."""
    place = parse(address)
    try:
        return place.folder.stat().st_size if place.local else 0
    except (OSError, ValueError):
        return 0
