"""The list of what an asset omits of its source, so that no content is dropped silently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from eddyline.core.errors import UsageError

KINDS: Final = ("video", "audio", "subtitle", "chapters", "spherical", "data", "metadata")
"""The kinds of omitted content, in the order of the list."""

ONE_VIDEO: Final = "an asset has one video track: the first enabled one"
COVER: Final = "it is a cover image, not video; the poster is a frame of the video"
UNKNOWN_DATA: Final = "only telemetry, timecode and metadata tracks are carried"


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """One item of a source that its asset omits.

    `kind` is one of `KINDS` (else `UsageError`), `what` identifies the item ("track 3 (tx3g, eng)"), and
    `why` is the reason as a clause ("its subtitles are images").
    """

    kind: str
    what: str
    why: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"{self.kind!r} is not a kind of omitted content")

    def to_json(self) -> dict[str, str]:
        """Return JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> LeftOut:
        """Return the item from `to_json`'s output; unknown keys raise `TypeError`."""
        return cls(**plain)

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}: {self.why}"


def sort_left_out(found: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """Return the items without duplicates, in the order of `KINDS`."""
    return tuple(sorted(dict.fromkeys(found), key=lambda each: KINDS.index(each.kind)))
