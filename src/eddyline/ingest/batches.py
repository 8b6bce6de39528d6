"""Batches of files of a watched folder that are processed together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eddyline.ingest.rules import Accept
from eddyline.media.ladder.profile import Profile


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Files to be processed together, with one profile; `merge`: chapters of one recording as one asset."""

    profile: Profile
    files: tuple[Path, ...]
    merge: bool = False


@dataclass(kw_only=True)
class _OpenBatch:
    profile: Profile
    urgency: tuple[bool, float]
    files: list[Path] = field(default_factory=list)


@dataclass(kw_only=True)
class BatchBuilder:
    """Collects the files of one scan by profile and by whether chapters are merged."""

    _batches: dict[tuple[str, bool], _OpenBatch] = field(default_factory=dict)

    def add(self, accepted: Accept, files: Sequence[Path], *, merge: bool = False) -> None:
        """Add files that a rule accepts."""
        deadline = float("inf") if accepted.options.deadline is None else accepted.options.deadline
        urgency = accepted.options.urgency == "bulk", deadline
        key = accepted.profile_name, merge
        batch = self._batches.setdefault(key, _OpenBatch(profile=accepted.profile, urgency=urgency))
        batch.files.extend(files)
        batch.urgency = min(batch.urgency, urgency)

    def batches(self) -> list[Batch]:
        """The batches: interactive ones before bulk ones, earlier deadlines first."""
        ordered = sorted(self._batches.items(), key=lambda item: item[1].urgency)
        return [
            Batch(profile=batch.profile, files=tuple(batch.files), merge=merge)
            for (_, merge), batch in ordered
        ]
