"""A folder watched: what appears in it and is whole is processed, in batches, until told to stop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from eddyline.core.clock import Clock, SystemClock
from eddyline.core.stop import Stop
from eddyline.ingest.batches import Batch, BatchBuilder
from eddyline.ingest.chapters import is_chapter
from eddyline.ingest.conditions import Arrival
from eddyline.ingest.folder_scan import FolderScanner
from eddyline.ingest.held_chapters import HeldChapters
from eddyline.ingest.rules import Accept, Rules
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.runs.events import AssetFailed, AssetFinished, Event, RunReport, SourceSkipped
from eddyline.pipeline.submission.discover import skip_reason

_POLL_S = 1.0
_SCAN_SHARE = 10  # looking through the folder takes at most one tenth of the time
_KEPT = 1000  # of each kind, for the report at the end: a watch may last for months


class ProcessFiles(Protocol):
    """Processes files; comes back when all of it has ended, or when told to stop."""

    def __call__(self, files: Sequence[Path], profile: Profile, /, *, merge: bool) -> RunReport:
        """How it went. `merge`: chapters of one recording become one asset."""
        ...


@dataclass(kw_only=True)
class FolderWatch:
    """Watches one folder. `once`: ends when all that is there has settled and is processed."""

    folder: FolderScanner
    rules: Rules
    process: ProcessFiles
    stop: Stop
    on_event: Callable[[Event], None]
    once: bool = False
    clock: Clock = field(default_factory=SystemClock)
    poll_s: float = _POLL_S
    _holding: HeldChapters = field(init=False)
    _closed: frozenset[Path] = frozenset()
    _finished: deque[AssetFinished] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _failed: deque[AssetFailed] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _skipped: deque[SourceSkipped] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def __post_init__(self) -> None:
        self._holding = HeldChapters(folder=self.folder)

    def run(self) -> RunReport:
        """Watch until told to stop. Raises what `process` raises."""
        while not self.stop.requested:
            began = time.monotonic()
            ready = self.folder.ready(began)
            self._tell_closed()
            pause = max(min(self.poll_s, self.folder.settle_s), _SCAN_SHARE * (time.monotonic() - began))
            self._work(self._batches(ready, began))
            if self.once and not (ready or self.folder.pending_count or self._holding):
                break
            if not ready:
                self.stop.wait(pause)
        return RunReport(
            finished=tuple(self._finished),
            failed=tuple(self._failed),
            skipped=tuple(self._skipped),
            interrupted=self.stop.reason,
        )

    def _tell_closed(self) -> None:
        """Tell once of each folder that cannot be looked into; again if it could be meanwhile."""
        closed = self.folder.closed
        for path, why in closed.items():
            if path not in self._closed:
                self._skip(path, f"it cannot be looked into ({why}); what is in it is taken once it can be")
        self._closed = frozenset(closed)

    def _work(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            if self.stop.requested:
                return
            report = self.process(batch.files, batch.profile, merge=batch.merge)
            self._finished.extend(report.finished)
            self._failed.extend(report.failed)
            self._skipped.extend(report.skipped)

    def _batches(self, files: Sequence[Path], now: float) -> list[Batch]:
        """What the rules take, by profile: what is urgent first, then what is due first."""
        orders = BatchBuilder()
        for path in files:
            take = self._decide(path)
            if take is not None and take.chapters_wait_s is not None and is_chapter(path.name):
                self._holding.hold(path, take.chapters_wait_s)
            elif take is not None:
                orders.add(take, (path,))
        for recording in self._holding.released(now):
            self._add_recording(orders, recording)
        return orders.batches()

    def _add_recording(self, orders: BatchBuilder, recording: tuple[Path, ...]) -> None:
        """A whole recording, by the rule of its first chapter; each by itself if that is not to be merged."""
        first = self._decide(recording[0])
        if first is not None and first.chapters_wait_s is not None:
            orders.add(first, recording, merge=True)
            return
        for path in recording[1:]:
            if (take := self._decide(path)) is not None:
                orders.add(take, (path,))

    def _decide(self, path: Path) -> Accept | None:
        try:
            size = path.stat().st_size
        except OSError:
            return None  # gone again
        key = path.relative_to(self.folder.root).as_posix()
        decided = self.rules.decide(Arrival(key=key, size=size, at=self.clock.now()))
        if isinstance(decided, Accept):
            reason = "" if decided.sure else skip_reason(path)
            if not reason:
                return decided
        else:
            reason = decided.reason
        self._skip(path, reason)
        return None

    def _skip(self, path: Path, reason: str) -> None:
        event = SourceSkipped(path=str(path), reason=reason)
        self._skipped.append(event)
        self.on_event(event)
