"""Everything that was named, submitted: one asset for each recording, however often it is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import EddylineError
from eddyline.core.stop import Stop
from eddyline.core.store import Store
from eddyline.graph.ledger import Ledger
from eddyline.media.profile import Profile
from eddyline.pipeline.account import Account
from eddyline.pipeline.discover import Discovered
from eddyline.pipeline.edit.merge import recordings
from eddyline.pipeline.submit import Submitted, submit
from eddyline.pipeline.terms import USUAL, Terms


@dataclass(kw_only=True)
class Intake:
    """What all sources of one call have in common.

    `toolchain` names what the assets are made with (see `submit`). `merge`: the chapters that a camera cut
    one recording into become one asset. `cls` is the worker class that inspects. `bring` gives the address
    by which workers read a local file.
    """

    store: Store
    ledger: Ledger
    profile: Profile
    toolchain: str
    account: Account
    stop: Stop
    terms: Terms = USUAL
    merge: bool = True
    cls: str | None = None
    bring: Callable[[Path], str] = str

    def take(self, found: Discovered, objects: Sequence[str] = ()) -> list[Submitted]:
        """Submit what was found, and account for the rest; one entry an asset.

        `objects` are addresses in a store, where workers can read them already; each is an asset of its own.
        """
        for path, reason in found.skipped:
            self.account.skipped(str(path), reason)
        for path, error in found.failed:
            self.account.refused(str(path), error)
        known: dict[str, Submitted] = {}
        alone: list[tuple[Path | str, ...]] = [(address,) for address in objects]
        for recording in (*self._recordings(found.footage), *alone):
            if self.stop.requested:
                break
            try:
                made = self._submit(recording)
            except EddylineError as error:
                self.account.refused(str(recording[0]), error)
            else:
                self._note(made, recording, known)
        return list(known.values())

    def _recordings(self, footage: Sequence[Path]) -> Sequence[tuple[Path, ...]]:
        return recordings(footage) if self.merge else [(path,) for path in footage]

    def _submit(self, recording: Sequence[Path | str]) -> Submitted:
        return submit(
            [each if isinstance(each, str) else self.bring(each) for each in recording],
            self.profile,
            store=self.store,
            ledger=self.ledger,
            toolchain=self.toolchain,
            terms=self.terms,
            cls=self.cls,
        )

    def _note(self, made: Submitted, recording: Sequence[Path | str], known: dict[str, Submitted]) -> None:
        path, *rest = recording
        if made.asset in known:
            self.account.skipped(str(path), f"the same footage as {known[made.asset].source}")
        else:
            known[made.asset] = made
            if made.standing == "published":
                self.account.finished(made.asset, made.name, reused=True)
        for chapter in rest:
            self.account.skipped(str(chapter), f"a chapter of {Path(path).name}, in whose asset it is")
