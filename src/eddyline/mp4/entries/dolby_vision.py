"""The Dolby Vision configuration of a video sample entry.

Dolby Vision Streams within the ISO Base Media File Format, section 3.2 (boxes dvcC, dvvC and dvwC).
"""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.mp4.boxes import Box
from eddyline.mp4.errors import Mp4Error

_BOXES = ("dvcC", "dvvC", "dvwC")
# Entries of streams whose base layer is not to be decoded by itself.
_ENTRIES = frozenset({"dvh1", "dvhe", "dva1", "dvav", "dav1"})
_VISUAL_FIELDS = 78
_TABLE_FIELDS = 8


@dataclass(frozen=True, kw_only=True)
class DolbyVision:
    """`profile` and `compatibility` (bl_signal_compatibility_id), as in "profile 8.4".

    `base_layer` says whether the track holds the base layer; 0 stands for a profile that is not known.
    """

    profile: int
    compatibility: int = 0
    base_layer: bool = True

    def __str__(self) -> str:
        return f"profile {self.profile}" + (f".{self.compatibility}" if self.compatibility else "")


def read_dolby_vision(stsd: bytes) -> DolbyVision | None:
    """What the first entry of a whole stsd box says; None where it is not Dolby Vision."""
    view = memoryview(stsd)
    table = Box(kind="stsd", raw=view, body=view[8:], offset=8, path="stsd")
    entry = next(table.children(_TABLE_FIELDS), None)
    if entry is None:
        return None
    skip = min(_VISUAL_FIELDS, len(entry.body))
    try:
        found = next((box for box in entry.children(skip) if box.kind in _BOXES), None)
    except Mp4Error:  # QuickTime may end an entry in what is no box
        found = None
    if found is not None and len(found.body) >= 5:  # noqa: PLR2004 - the fields that are read
        _, _, high, low, last = found.body[:5]
        return DolbyVision(profile=high >> 1, compatibility=last >> 4, base_layer=bool(low & 1))
    return DolbyVision(profile=0) if entry.kind in _ENTRIES else None
