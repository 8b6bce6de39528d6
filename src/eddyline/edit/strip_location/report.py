"""Records what was kept and removed and why, for the printed report and the check of the copy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from eddyline.core.coordinates import Position, distinct_positions, find_positions

LOCATION: Final = "it contains the location or is defined to contain one"
UNKNOWN: Final = "its contents are unknown"
TEXT: Final = "it is free text, which may name the location"
METADATA: Final = "it is metadata, which may contain the location"
UNUSED: Final = "no track refers to it"
INDEX: Final = "it describes the layout of the source file"
ZONE: Final = "its time zone reveals the region"
MALFORMED: Final = "it is malformed"

ENCODE_REMEDY: Final = "encode it first, for example with eddyline run, and strip the rendition"

_MOST_SEARCHED: Final = 1 << 20  # bytes of one removed box that are searched for coordinates
_MOST_POSITIONS: Final = 64


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An item that was kept, and why it is harmless."""

    what: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Removed:
    """Items that were removed: their number, their total bytes and the reason."""

    what: str
    why: str
    count: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class StripResult:
    """The result of stripping: size of the copy in bytes, items kept and removed.

    `payloads` is the number of telemetry payloads from which positions or unknown keys were removed.
    """

    bytes: int
    payloads: int
    kept: tuple[Kept, ...]
    removed: tuple[Removed, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns the report as JSON values."""
        return {
            "bytes": self.bytes,
            "payloads": self.payloads,
            "kept": [{"what": each.what, "why": each.why} for each in self.kept],
            "removed": [
                {"what": each.what, "why": each.why, "count": each.count, "bytes": each.bytes}
                for each in self.removed
            ],
        }


@dataclass(kw_only=True)
class Report:
    """Collects what is kept and removed, and the coordinates of the source for the check of the copy."""

    payloads: int = 0
    _kept: dict[tuple[str, str], None] = field(default_factory=dict)
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _bytes: Counter[tuple[str, str]] = field(default_factory=Counter)
    _positions: dict[Position, None] = field(default_factory=dict)

    def record_kept(self, what: str, why: str) -> None:
        """Records that `what` was kept."""
        self._kept.setdefault((what, why))

    def record_removed(self, what: str, why: str, size: int, content: bytes = b"") -> None:
        """Records that `size` bytes were removed; coordinates in `content` must not be in the copy."""
        self._counts[what, why] += 1
        self._bytes[what, why] += size
        self.search(content)

    def search(self, content: bytes) -> None:
        """Records the coordinates in bytes that are removed."""
        if content and len(self._positions) < _MOST_POSITIONS:
            self.add_positions(*find_positions(bytes(content[:_MOST_SEARCHED])))

    def add_positions(self, *positions: Position) -> None:
        """Records positions of the source."""
        for position in positions:
            if position.distinctive and len(self._positions) < _MOST_POSITIONS:
                self._positions.setdefault(position)

    @property
    def positions(self) -> tuple[Position, ...]:
        """Positions found in the source; one of those with the same first digits."""
        return distinct_positions(self._positions, _MOST_POSITIONS)

    def result(self, size: int) -> StripResult:
        """Returns the result for a finished copy of `size` bytes."""
        return StripResult(
            bytes=size,
            payloads=self.payloads,
            kept=tuple(Kept(what=what, why=why) for what, why in self._kept),
            removed=tuple(
                Removed(what=what, why=why, count=count, bytes=self._bytes[what, why])
                for (what, why), count in self._counts.items()
            ),
        )
