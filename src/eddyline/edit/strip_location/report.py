"""What stripping kept and removed, and why: collected while a file is rewritten, then shown and checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from eddyline.core.coordinates import Position, distinct_positions, find_positions

LOCATION: Final = "it holds the location, or is made to"
UNKNOWN: Final = "Eddyline does not know what it holds"
TEXT: Final = "it is free text, in which a place may be named"
METADATA: Final = "it is metadata, which may hold the location"
UNUSED: Final = "no track refers to it"
INDEX: Final = "it describes the old layout of the file"
ZONE: Final = "its time zone tells where the camera was"
MALFORMED: Final = "it does not have the form that its type requires"

_MOST_SEARCHED: Final = 1 << 20  # bytes of one removed box that are searched for coordinates
_MOST_PLACES: Final = 64


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Something that was kept, and why it is harmless."""

    what: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Removed:
    """Something that was removed: how many of it, their bytes in all, and why."""

    what: str
    why: str
    count: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Stripped:
    """A finished copy: its bytes, what was kept and what was removed.

    `payloads` is the number of telemetry payloads that positions or unknown keys were removed from.
    """

    bytes: int
    payloads: int
    kept: tuple[Kept, ...]
    removed: tuple[Removed, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
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
    """Collects what is kept and removed, and the source's own coordinates for the check of the result."""

    payloads: int = 0
    _kept: dict[tuple[str, str], None] = field(default_factory=dict)
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _bytes: Counter[tuple[str, str]] = field(default_factory=Counter)
    _places: dict[Position, None] = field(default_factory=dict)

    def keep(self, what: str, why: str) -> None:
        """Note that `what` was kept."""
        self._kept.setdefault((what, why))

    def remove(self, what: str, why: str, size: int, content: bytes = b"") -> None:
        """Note that `size` bytes were removed; coordinates in their `content` must not be in the result."""
        self._counts[what, why] += 1
        self._bytes[what, why] += size
        self.search(content)

    def search(self, content: bytes) -> None:
        """Remember the coordinates in bytes that are removed."""
        if content and len(self._places) < _MOST_PLACES:
            self.found(*find_positions(bytes(content[:_MOST_SEARCHED])))

    def found(self, *positions: Position) -> None:
        """Remember positions of the source."""
        for place in positions:
            if place.distinctive and len(self._places) < _MOST_PLACES:
                self._places.setdefault(place)

    @property
    def places(self) -> tuple[Position, ...]:
        """Positions that the source holds, those that differ in their first digits."""
        return distinct_positions(self._places, _MOST_PLACES)

    def stripped(self, size: int) -> Stripped:
        """The report of a finished copy of `size` bytes."""
        return Stripped(
            bytes=size,
            payloads=self.payloads,
            kept=tuple(Kept(what=what, why=why) for what, why in self._kept),
            removed=tuple(
                Removed(what=what, why=why, count=count, bytes=self._bytes[what, why])
                for (what, why), count in self._counts.items()
            ),
        )
