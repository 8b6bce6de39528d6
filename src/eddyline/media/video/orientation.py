"""FFmpeg filters that make a decoded frame upright, like FFmpeg's autorotate."""

from __future__ import annotations

from collections.abc import Mapping

from eddyline.media.source.source import VideoFacts

# By degrees clockwise; a mirrored frame is flipped horizontally before it is rotated.
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
    """Filters for multiples of 90 degrees, with any frame size and pixel aspect ratio."""
    return (_MIRRORED if facts.mirrored else _UPRIGHT).get(facts.rotation, ())


def chroma_before_upright(facts: VideoFacts) -> str | None:
    """The chroma location that `upright_filters` moves to the left; None if that is the right side.

    FFmpeg has no name for chroma samples at the right.
    """
    if swaps_dimensions(facts):
        return "bottom" if facts.rotation == 90 else "top"  # noqa: PLR2004 - degrees
    reflected = facts.mirrored != (facts.rotation == 180)  # noqa: PLR2004 - from left to right
    return None if reflected else "left"


def rotation_filters(facts: VideoFacts) -> tuple[str, ...]:
    """Filters for angles other than multiples of 90 degrees, to be applied before scaling.

    The frame keeps its size: its corners are cut off, and uncovered areas are black.
    """
    return () if facts.rotation in _UPRIGHT else (f"rotate={facts.rotation}*PI/180",)


def swaps_dimensions(facts: VideoFacts) -> bool:
    """Whether the rotation swaps width and height."""
    return facts.rotation in {90, 270}
