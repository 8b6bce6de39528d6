"""FFmpeg filters from a decoded frame to the pixels of a JPEG: upright, square pixels, SDR, full range."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from eddyline.media.source.source import VideoFacts
from eddyline.media.video.colours import CHROMA, is_rgb, is_supported_by_scale, matrix_conversion
from eddyline.media.video.orientation import rotation_filters, swaps_dimensions, upright_filters
from eddyline.media.video.tone_mapping import tonemap_filters

# JPEG is BT.601 at full range, with chroma samples between those of luma (JFIF 1.02).
_JPEG = "r=full:c=center"
_JPEG_MATRIX = "smpte170m"
_MAX_BT601_LINES = 576  # untagged video up to this size is BT.601, above it BT.709


def image_size(facts: VideoFacts, width: int) -> tuple[int, int]:
    """Width and height, even, of an image at most `width` wide, in the display aspect, never enlarged."""
    across = max(2, min(width, facts.display_width) // 2 * 2)
    down = Fraction(across * facts.display_height, max(1, facts.display_width))
    return across, max(2, round(down / 2) * 2)


def image_filters(facts: VideoFacts, width: int, height: int) -> tuple[str, ...]:
    """Filters from a decoded frame to an upright, progressive SDR image of `width` x `height`."""
    across, down = (height, width) if swaps_dimensions(facts) else (width, height)
    # Deinterlacing needs neighbouring frames, which are not decoded; one field suffices for small images.
    field = ("field=type=top",) if facts.interlaced else ()
    size = f"{across}:{down}"
    scale = tonemap_filters(facts, size, f"m={_JPEG_MATRIX}:{_JPEG}") if facts.hdr else _scale(facts, size)
    return (*field, *rotation_filters(facts), *scale, "format=yuvj420p", *upright_filters(facts), "setsar=1")


def _scale(facts: VideoFacts, size: str) -> tuple[str, ...]:
    """From a decoded SDR frame to the colors of JPEG. The zscale filter converts them within half a code."""
    location = facts.chroma_location if facts.chroma_location != "unknown" else CHROMA
    chroma = "" if is_rgb(facts.pixel_format) else f":in_chroma_loc={location}:out_chroma_loc={CHROMA}"
    scale = f"scale={size}:flags=area+accurate_rnd{chroma}"
    untagged = _default_matrix(facts)
    if not is_supported_by_scale(facts):
        return (f"zscale={size}:{matrix_conversion(facts, _JPEG_MATRIX, _JPEG, untagged=untagged)}",)
    if facts.pixel_format.startswith(("xyz", "bayer")):
        return (f"{scale}:out_color_matrix=bt601:out_range=full",)
    scaled = replace(facts, chroma_location=CHROMA)
    return (scale, f"zscale={matrix_conversion(scaled, _JPEG_MATRIX, _JPEG, untagged=untagged)}")


def _default_matrix(facts: VideoFacts) -> str:
    """The matrix that FFmpeg and players assume for untagged video."""
    return _JPEG_MATRIX if min(facts.width, facts.height) <= _MAX_BT601_LINES else "bt709"
