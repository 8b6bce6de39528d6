"""The watch of a folder: new complete files are processed in batches until the stop is raised."""

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
_SCAN_SHARE = 10  # scans take at most one tenth of the time
_MAX_EVENTS = 1000  # of each kind in the report at the end: a watch may last for months


class ProcessFiles(Protocol):
    """Processes files; returns when all of them have ended, or when the stop is raised."""

    def __call__(self, files: Sequence[Path], profile: Profile, /, *, merge: bool) -> RunReport:
        """Process the files with a profile. `merge`: chapters of one recording become one asset."""
        ...


@dataclass(kw_only=True)
class FolderWatch:
    """Watches one folder. `once`: ends when all files have settled and are processed."""

    folder: FolderScanner
    rules: Rules
    process: ProcessFiles
    stop: Stop
    on_event: Callable[[Event], None]
    once: bool = False
    clock: Clock = field(default_factory=SystemClock)
    poll_s: float = _POLL_S
    monotonic: Callable[[], float] = time.monotonic
    _held: HeldChapters = field(init=False)
    _unreadable: frozenset[Path] = frozenset()
    _finished: deque[AssetFinished] = field(default_factory=lambda: deque(maxlen=_MAX_EVENTS))
    _failed: deque[AssetFailed] = field(default_factory=lambda: deque(maxlen=_MAX_EVENTS))
    _skipped: deque[SourceSkipped] = field(default_factory=lambda: deque(maxlen=_MAX_EVENTS))

    def __post_init__(self) -> None:
        self._held = HeldChapters(folder=self.folder)

    def run(self) -> RunReport:
        """Watch until the stop is raised. Raises what `process` raises."""
        while not self.stop.requested:
            started = self.monotonic()
            ready = self.folder.scan(started)
            self._report_unreadable()
            pause = max(min(self.poll_s, self.folder.settle_s), _SCAN_SHARE * (self.monotonic() - started))
            self._process_batches(self._batches(ready, started))
            if self.once and not (ready or self.folder.pending_count or self._held):
                break
            if not ready:
                self.stop.wait(pause)
        return RunReport(
            finished=tuple(self._finished),
            failed=tuple(self._failed),
            skipped=tuple(self._skipped),
            interrupted=self.stop.reason,
        )

    def _report_unreadable(self) -> None:
        """Report each unreadable directory once, and again if it was readable in between."""
        unreadable = self.folder.unreadable
        for path, why in unreadable.items():
            if path not in self._unreadable:
                self._skip(path, f"unreadable ({why}); its files are processed once it is readable")
        self._unreadable = frozenset(unreadable)

    def _process_batches(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            if self.stop.requested:
                return
            report = self.process(batch.files, batch.profile, merge=batch.merge)
            self._finished.extend(report.finished)
            self._failed.extend(report.failed)
            self._skipped.extend(report.skipped)

    def _batches(self, files: Sequence[Path], now: float) -> list[Batch]:
        """The batches of accepted files, the most urgent first."""
        builder = BatchBuilder()
        for path in files:
            accepted = self._decide(path)
            if accepted is None:
                continue
            if accepted.chapters_wait_s is not None and is_chapter(path.name):
                self._held.hold(path, accepted.chapters_wait_s)
            else:
                builder.add(accepted, (path,))
        for recording in self._held.release_complete(now):
            self._add_recording(builder, recording)
        return builder.batches()

    def _add_recording(self, builder: BatchBuilder, recording: tuple[Path, ...]) -> None:
        """Add a complete recording by the rule for its first chapter, or its files separately."""
        first = self._decide(recording[0])
        if first is not None and first.chapters_wait_s is not None:
            builder.add(first, recording, merge=True)
            return
        for path in recording[1:]:
            if (accepted := self._decide(path)) is not None:
                builder.add(accepted, (path,))

    def _decide(self, path: Path) -> Accept | None:
        try:
            size = path.stat().st_size
        except OSError:
            return None  # removed meanwhile
        key = path.relative_to(self.folder.root).as_posix()
        decision = self.rules.decide(Arrival(key=key, size=size, at=self.clock.now()))
        if isinstance(decision, Accept):
            reason = "" if decision.extension_matched else skip_reason(path)
            if not reason:
                return decision
        else:
            reason = decision.reason
        self._skip(path, reason)
        return None

    def _skip(self, path: Path, reason: str) -> None:
        event = SourceSkipped(path=str(path), reason=reason)
        self._skipped.append(event)
        self.on_event(event)
