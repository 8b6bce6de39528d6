"""The part of the frame that renditions show, if the profile crops to another aspect ratio.

The rectangle is computed in the upright frame, which viewers see, and converted to the decoded frame, which
is cropped before it is scaled and rotated. Images (poster, thumbnails, storyboard) show the whole frame.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from eddyline.core.errors import UnsupportedError
from eddyline.media.ladder.profile import CropSettings
from eddyline.media.source.source import VideoFacts

# Pixels by which rectangles are aligned, in both directions: chroma of all formats starts at such a pixel.
_ALIGNMENT = 4
_MIN_SIDE = 16  # pixels


class Crop(NamedTuple):
    """A rectangle of a frame, in pixels as decoded (not square pixels)."""

    left: int
    top: int
    width: int
    height: int


def decoded_crop(settings: CropSettings | None, facts: VideoFacts) -> Crop | None:
    """The rectangle of the decoded frame to show; None to show all of it.

    Raises `UnsupportedError` for spherical video, and for a rotation that is not a multiple of 90 degrees.
    """
    if settings is None:
        return None
    if facts.projection or facts.sphere is not None:
        raise UnsupportedError(
            "spherical video cannot be cropped: its metadata describes the whole frame",
            remedy="use a profile without crop",
            reason="crop",
        )
    if facts.rotation % 90:
        raise UnsupportedError(
            f"video that is rotated by {facts.rotation} degrees cannot be cropped",
            remedy="use a profile without crop, or encode the video upright first",
            reason="crop",
        )
    upright = _upright_rectangle(settings, facts)
    width, height = _upright_size(facts)
    return None if upright[2:] == (width, height) else _turned(upright, facts, back=True)


def upright_crop(crop: Crop, facts: VideoFacts) -> Crop:
    """The same rectangle in the upright frame."""
    return _turned(crop, facts, back=False)


def cropped_facts(crop: Crop | None, facts: VideoFacts) -> VideoFacts:
    """The facts of the cropped video."""
    return facts if crop is None else replace(facts, width=crop.width, height=crop.height)


def exact_size(settings: CropSettings | None, width: int, height: int) -> tuple[int, int]:
    """The size of a rendition with the longer side exact for the aspect ratio.

    The rectangle has it only to within the alignment of its pixels.
    """
    if settings is None:
        return width, height
    ratio = settings.ratio
    if ratio >= 1:
        return 2 * round(height * ratio / 2), height
    return width, 2 * round(width / ratio / 2)


def _upright_rectangle(settings: CropSettings, facts: VideoFacts) -> Crop:
    width, height = _upright_size(facts)
    shown = Fraction(facts.display_width, facts.display_height)
    ratio = settings.ratio
    across = _aligned(width * ratio / shown, width) if ratio < shown else width
    down = _aligned(height * shown / ratio, height) if ratio > shown else height
    return Crop(
        left=_offset(width - across, settings.x),
        top=_offset(height - down, settings.y),
        width=across,
        height=down,
    )


def _upright_size(facts: VideoFacts) -> tuple[int, int]:
    """Pixels as decoded, after the rotation."""
    return (facts.height, facts.width) if facts.rotation in {90, 270} else (facts.width, facts.height)


def _aligned(side: Fraction, limit: int) -> int:
    """The nearest aligned length; the whole side if the difference is less than the alignment."""
    if limit - side < _ALIGNMENT:
        return limit
    return max(_ALIGNMENT * round(side / _ALIGNMENT), min(_MIN_SIDE, limit))


def _offset(free: int, position: float) -> int:
    """The aligned start of a rectangle, of `free` pixels beside it."""
    return round(Fraction(position) * free / _ALIGNMENT) * _ALIGNMENT if free >= _ALIGNMENT else 0


def _turned(crop: Crop, facts: VideoFacts, *, back: bool) -> Crop:
    """From the decoded to the upright frame, or `back`. A mirrored frame is flipped before it is rotated."""
    size = _upright_size(facts) if back else (facts.width, facts.height)
    if not back and facts.mirrored:
        crop = _flipped(crop, size[0])
    turns = facts.rotation // 90 if not back else -facts.rotation // 90
    for _ in range(turns % 4):
        crop, size = _rotated(crop, size[1]), (size[1], size[0])
    return _flipped(crop, size[0]) if back and facts.mirrored else crop


def _flipped(crop: Crop, width: int) -> Crop:
    return crop._replace(left=width - crop.left - crop.width)


def _rotated(crop: Crop, height: int) -> Crop:
    """In a frame of `height` that is rotated by 90 degrees clockwise."""
    return Crop(left=height - crop.top - crop.height, top=crop.left, width=crop.height, height=crop.width)
