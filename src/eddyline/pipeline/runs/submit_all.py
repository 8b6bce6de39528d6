"""Everything that was named, submitted: one asset for each recording, however often it is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from eddyline.core.errors import EddylineError
from eddyline.core.stop import Stop
from eddyline.edit.merge.merge import recordings
from eddyline.graph.ledger.ledger import Ledger
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.planning.job_options import DEFAULT_OPTIONS, JobOptions
from eddyline.pipeline.runs.run_report import ReportBuilder
from eddyline.pipeline.submission.discover import Discovered
from eddyline.pipeline.submission.submit import Submitted, submit
from eddyline.store.addresses import parse
from eddyline.store.store import Store


@dataclass(kw_only=True)
class SubmitAll:
    """What all sources of one call have in common.

    `toolchain` names what the assets are made with (see `submit`). `merge`: the chapters that a camera cut
    one recording into become one asset. `pool` is the worker class that inspects. `bring` gives the address
    by which workers read a local file.
    """

    store: Store
    ledger: Ledger
    profile: Profile
    toolchain: str
    account: ReportBuilder
    stop: Stop
    terms: JobOptions = DEFAULT_OPTIONS
    merge: bool = True
    pool: str | None = None
    bring: Callable[[Path], str] = str

    def take(self, found: Discovered) -> list[Submitted]:
        """Submit what was found, and account for the rest; one entry an asset."""
        for address, reason in found.skipped:
            self.account.skipped(address, reason)
        for address, error in found.failed:
            self.account.refused(address, error)
        known: dict[str, Submitted] = {}
        all_recordings = self._recordings(found.videos)
        for done, recording in enumerate(all_recordings):
            if self.stop.requested:
                break
            self.account.submitting(done, len(all_recordings), recording)
            try:
                made = self._submit(recording)
            except EddylineError as error:
                self.account.refused(recording[0], error)
            else:
                self._note(made, recording, known)
        return list(known.values())

    def _recordings(self, footage: Sequence[str]) -> Sequence[tuple[str, ...]]:
        return recordings(footage) if self.merge else [(address,) for address in footage]

    def _submit(self, recording: Sequence[str]) -> Submitted:
        return submit(
            [self._readable(each) for each in recording],
            self.profile,
            store=self.store,
            ledger=self.ledger,
            toolchain=self.toolchain,
            terms=self.terms,
            pool=self.pool,
        )

    def _readable(self, address: str) -> str:
        return self.bring(Path(address)) if parse(address).local else address

    def _note(self, made: Submitted, recording: Sequence[str], known: dict[str, Submitted]) -> None:
        first, *rest = recording
        if made.asset in known:
            self.account.skipped(first, f"the same footage as {known[made.asset].source}")
        else:
            known[made.asset] = made
            if made.status == "published":
                self.account.finished(made.asset, made.name, reused=True)
        for chapter in rest:
            self.account.skipped(chapter, f"a chapter of {PurePosixPath(first).name}, in whose asset it is")
