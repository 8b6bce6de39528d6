"""The filters that show a decoded frame upright, as FFmpeg's autorotate does."""

from __future__ import annotations

from collections.abc import Mapping

from eddyline.media.source.source import VideoFacts

# By degrees clockwise; a mirrored frame is mirrored left to right first, and then rotated.
_UPRIGHT: Mapping[int, tuple[str, ...]] = {
    0: (),
    90: ("transpose=clock",),
    180: ("hflip", "vflip"),
    270: ("transpose=cclock",),
}
_MIRRORED: Mapping[int, tuple[str, ...]] = {
    0: ("hflip",),
    90: ("transpose=clock_flip",),
    180: ("vflip",),
    270: ("transpose=cclock_flip",),
}


def upright_filters(facts: VideoFacts) -> tuple[str, ...]:
    """Filters for a frame of any size, square pixels or not; none where `rotation_filters` has to be used."""
    return (_MIRRORED if facts.mirrored else _UPRIGHT).get(facts.rotation, ())


def rotation_filters(facts: VideoFacts) -> tuple[str, ...]:
    """Filters for angles other than multiples of 90 degrees, to be put before any scaling.

    The frame keeps its size: its corners are cut off, and what it does not cover is black.
    """
    return () if facts.rotation in _UPRIGHT else (f"rotate={facts.rotation}*PI/180",)


def swaps_dimensions(facts: VideoFacts) -> bool:
    """Whether width and height change places."""
    return facts.rotation in {90, 270}
