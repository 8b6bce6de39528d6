"""A folder watched: what appears in it and is whole is processed, in batches, until told to stop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eddyline.core.clock import Clock, SystemClock
from eddyline.core.stop import Stop
from eddyline.media.profile import Profile
from eddyline.pipeline.discover import why_not
from eddyline.pipeline.events import AssetFailed, AssetFinished, Event, RunReport, SourceSkipped
from eddyline.pipeline.ingest.folder import Folder
from eddyline.pipeline.ingest.rules import Arrived, Rules, Take

_POLL_S = 1.0
_SCAN_SHARE = 10  # looking through the folder takes at most one tenth of the time
_KEPT = 1000  # of each kind, for the report at the end: a watch may last for months

Process = Callable[[Sequence[Path], Profile], RunReport]
"""(files, profile) -> how it went; comes back when all of it has ended, or when told to stop."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Files to be processed together, by one profile."""

    profile: Profile
    files: tuple[Path, ...]


@dataclass(kw_only=True)
class Watch:
    """Watches one folder. `once`: ends when all that is there has settled and is processed."""

    folder: Folder
    rules: Rules
    process: Process
    stop: Stop
    on_event: Callable[[Event], None]
    once: bool = False
    clock: Clock = field(default_factory=SystemClock)
    poll_s: float = _POLL_S
    _closed: frozenset[Path] = frozenset()
    _finished: deque[AssetFinished] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _failed: deque[AssetFailed] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _skipped: deque[SourceSkipped] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def run(self) -> RunReport:
        """Watch until told to stop. Raises what `process` raises."""
        while not self.stop.requested:
            began = time.monotonic()
            ready = self.folder.ready(began)
            self._tell_closed()
            pause = max(min(self.poll_s, self.folder.settle_s), _SCAN_SHARE * (time.monotonic() - began))
            self._work(self._batches(ready))
            if self.once and not ready and not self.folder.unsettled:
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
            report = self.process(batch.files, batch.profile)
            self._finished.extend(report.finished)
            self._failed.extend(report.failed)
            self._skipped.extend(report.skipped)

    def _batches(self, files: Sequence[Path]) -> list[Batch]:
        """What the rules take, by profile: what is urgent first, then what is due first."""
        taken: dict[str, list[Path]] = {}
        profiles: dict[str, Profile] = {}
        order: dict[str, tuple[bool, float]] = {}
        for path in files:
            take = self._decide(path)
            if take is None:
                continue
            due = float("inf") if take.terms.deadline is None else take.terms.deadline
            haste = take.terms.urgency == "bulk", due
            taken.setdefault(take.wanted, []).append(path)
            profiles[take.wanted] = take.profile
            order[take.wanted] = min(haste, order.get(take.wanted, haste))
        ordered = sorted(taken, key=lambda wanted: order[wanted])
        return [Batch(profile=profiles[wanted], files=tuple(taken[wanted])) for wanted in ordered]

    def _decide(self, path: Path) -> Take | None:
        try:
            size = path.stat().st_size
        except OSError:
            return None  # gone again
        key = path.relative_to(self.folder.root).as_posix()
        decided = self.rules.decide(Arrived(key=key, size=size, at=self.clock.now()))
        if isinstance(decided, Take):
            reason = "" if decided.sure else why_not(path)
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
