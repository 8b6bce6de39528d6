"""What a source has and its asset does not carry: listed, so that nothing is dropped silently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from eddyline.core.errors import UsageError

KINDS: Final = ("video", "audio", "subtitle", "chapters", "spherical", "data", "metadata")
"""The kinds of things that can be left out, in the order in which they are listed."""


ONE_VIDEO: Final = "an asset has one video track: the first one that is enabled"
COVER: Final = "a cover image, not video; the poster is made from the video"
UNKNOWN_DATA: Final = "only telemetry, timecode and metadata tracks are carried"


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """One thing of a source that the asset does not carry.

    `kind` is one of `KINDS` (else `UsageError`), `what` names the thing ("track 3 (tx3g, eng)"), and `why`
    says in one clause why it is not carried ("subtitles are not carried").
    """

    kind: str
    what: str
    why: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"{self.kind!r} is not a kind of thing that can be left out")

    def to_json(self) -> dict[str, str]:
        """A plain dict of JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> LeftOut:
        """What `to_json` wrote; other keys than its own raise `TypeError`."""
        return cls(**plain)

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}: {self.why}"


def sort_left_out(found: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """In order of kind, each thing once."""
    return tuple(sorted(dict.fromkeys(found), key=lambda each: KINDS.index(each.kind)))
