"""Files that were found together, in the batches in which they are processed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eddyline.ingest.rules import Accept
from eddyline.media.ladder.profile import Profile


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Files to be processed together, by one profile; `merge`: chapters of one recording as one asset."""

    profile: Profile
    files: tuple[Path, ...]
    merge: bool = False


@dataclass(kw_only=True)
class _Order:
    take: Accept
    haste: tuple[bool, float]
    files: list[Path] = field(default_factory=list)


@dataclass(kw_only=True)
class BatchBuilder:
    """What one look found, by profile and by whether chapters are merged."""

    _found: dict[tuple[str, bool], _Order] = field(default_factory=dict)

    def add(self, take: Accept, files: Sequence[Path], *, merge: bool = False) -> None:
        """These are to be processed so."""
        due = float("inf") if take.terms.deadline is None else take.terms.deadline
        haste = take.terms.urgency == "bulk", due
        order = self._found.setdefault((take.wanted, merge), _Order(take=take, haste=haste))
        order.files.extend(files)
        order.haste = min(order.haste, haste)

    def batches(self) -> list[Batch]:
        """What is urgent first, then what is due first."""
        ordered = sorted(self._found.items(), key=lambda each: each[1].haste)
        return [
            Batch(profile=order.take.profile, files=tuple(order.files), merge=merge)
            for (_, merge), order in ordered
        ]
