"""Reads the Dolby Vision configuration of a video sample entry.

Dolby Vision Streams within the ISO Base Media File Format, section 3.2 (boxes dvcC, dvvC and dvwC).
"""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.mp4.boxes import sample_entries
from eddyline.mp4.errors import Mp4Error

_BOXES = ("dvcC", "dvvC", "dvwC")
# Entries of streams whose base layer must not be decoded separately.
_ENTRIES = frozenset({"dvh1", "dvhe", "dva1", "dvav", "dav1"})
_VISUAL_FIELDS = 78


@dataclass(frozen=True, kw_only=True)
class DolbyVision:
    """`profile` and `compatibility` (bl_signal_compatibility_id), as in "profile 8.4".

    `base_layer` says whether the track contains the base layer. Profile 0 means unknown.
    """

    profile: int
    compatibility: int = 0
    base_layer: bool = True

    def __str__(self) -> str:
        return f"profile {self.profile}" + (f".{self.compatibility}" if self.compatibility else "")


def read_dolby_vision(stsd: bytes) -> DolbyVision | None:
    """The configuration in the first entry of a complete stsd box; None if it is not Dolby Vision."""
    entry = next(sample_entries(stsd), None)
    if entry is None:
        return None
    skip = min(_VISUAL_FIELDS, len(entry.body))
    try:
        config = next((box for box in entry.children(skip) if box.kind in _BOXES), None)
    except Mp4Error:  # QuickTime may end an entry with bytes that are not a box
        config = None
    if config is not None and len(config.body) >= 5:  # noqa: PLR2004 - the fields that are read
        _, _, high, low, last = config.body[:5]
        return DolbyVision(profile=high >> 1, compatibility=last >> 4, base_layer=bool(low & 1))
    return DolbyVision(profile=0) if entry.kind in _ENTRIES else None
