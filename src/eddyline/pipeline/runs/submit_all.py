"""Submits all sources of one call: one asset for each recording, however often it is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from eddyline.core.errors import EddylineError
from eddyline.core.stop import Stop
from eddyline.edit.merge.recordings import group_recordings
from eddyline.graph.ledger.ledger import Ledger
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.planning.job_options import DEFAULT_OPTIONS, JobOptions
from eddyline.pipeline.runs.run_report import ReportBuilder
from eddyline.pipeline.submission.discover import Discovered
from eddyline.pipeline.submission.submit import Submitted, submit
from eddyline.store.addresses import parse


@dataclass(kw_only=True)
class SubmitAll:
    """What all sources of one call have in common.

    `toolchain` identifies the programs (see `submit`). `merge`: chapter files of one recording become one
    asset. `pool` is the pool that inspects. `upload` returns the address by which workers read a local file.
    """

    report: ReportBuilder
    ledger: Ledger
    profile: Profile
    toolchain: str
    stop: Stop
    options: JobOptions = DEFAULT_OPTIONS
    merge: bool = True
    pool: str | None = None
    upload: Callable[[Path], str] = str

    def submit(self, found: Discovered) -> list[Submitted]:
        """Submit the videos that were found, and report the other files; one entry for each asset."""
        for address, reason in found.skipped:
            self.report.skipped(address, reason)
        for address, error in found.failed:
            self.report.refused(address, error)
        submitted: dict[str, Submitted] = {}
        all_recordings = group_recordings(found.videos) if self.merge else [(each,) for each in found.videos]
        for done, recording in enumerate(all_recordings):
            if self.stop.requested:
                break
            self.report.submitting(done, len(all_recordings), recording)
            try:
                asset = self._submit(recording)
            except EddylineError as error:
                self.report.refused(recording[0], error)
            else:
                self._report(asset, recording, submitted)
        return list(submitted.values())

    def _submit(self, recording: Sequence[str]) -> Submitted:
        return submit(
            [self.upload(Path(each)) if parse(each).local else each for each in recording],
            self.profile,
            store=self.report.store,
            ledger=self.ledger,
            toolchain=self.toolchain,
            options=self.options,
            pool=self.pool,
        )

    def _report(self, asset: Submitted, recording: Sequence[str], submitted: dict[str, Submitted]) -> None:
        first, *rest = recording
        if asset.asset in submitted:
            self.report.skipped(first, f"the same video as {submitted[asset.asset].source}")
        else:
            submitted[asset.asset] = asset
            if asset.status == "published":
                self.report.finished(asset.asset, asset.name, reused=True)
        for chapter in rest:
            self.report.skipped(chapter, f"a chapter of {PurePosixPath(first).name}, whose asset contains it")
