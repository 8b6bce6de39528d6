"""FFmpeg filters from a decoded frame to the pixels of a JPEG: upright, square pixels, SDR, full range."""

from __future__ import annotations

from fractions import Fraction

from eddyline.media.source.source import VideoFacts
from eddyline.media.video.colours import ZSCALE_MATRICES, is_rgb, scale_filters, zscale_input
from eddyline.media.video.orientation import rotation_filters, swaps_dimensions, upright_filters

# JPEG is always BT.601 at full range (JFIF 1.02).
_MATRICES = {"bt709": "bt709", "bt2020nc": "bt2020", "smpte240m": "smpte240m", "fcc": "fcc"}
_JPEG_COLOURS = "out_color_matrix=bt601:out_range=full"
_MAX_BT601_LINES = 576  # untagged video up to this size is BT.601, above it BT.709
_REFERENCE_WHITE, _PEAK = 203, 1000  # cd/m2: of HDR (ITU-R BT.2408); the usual peak of consumer HDR


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
    scale = _tonemap(facts, across, down) if facts.hdr else _scale(facts, across, down)
    return (*field, *rotation_filters(facts), *scale, "format=yuvj420p", *upright_filters(facts), "setsar=1")


def _scale(facts: VideoFacts, width: int, height: int) -> tuple[str, ...]:
    """From a decoded SDR frame to the colours of JPEG."""
    scale = f"scale={width}:{height}:flags=area+accurate_rnd"
    if is_rgb(facts.pixel_format):
        return (f"{scale}:{_JPEG_COLOURS}",)
    if facts.matrix in ZSCALE_MATRICES:
        return (*scale_filters(facts, width, height, "yuv444p"), f"{scale}:{_JPEG_COLOURS}")
    matrix = _MATRICES.get(facts.matrix) or _default_matrix(facts)
    value_range = "full" if facts.full_range else "limited"
    return (f"{scale}:in_color_matrix={matrix}:in_range={value_range}:{_JPEG_COLOURS}",)


def _default_matrix(facts: VideoFacts) -> str:
    tagged = facts.matrix in {"bt470bg", "smpte170m"}
    return "bt601" if tagged or min(facts.width, facts.height) <= _MAX_BT601_LINES else "bt709"


def _tonemap(facts: VideoFacts, width: int, height: int) -> tuple[str, ...]:
    return (
        f"zscale={width}:{height}:{zscale_input(facts)}:t=linear:npl={_REFERENCE_WHITE}",
        "format=gbrpf32le",
        "zscale=p=bt709",
        f"tonemap=mobius:param=0.5:desat=0:peak={_PEAK / _REFERENCE_WHITE:.3f}",
        "zscale=t=bt709:m=170m:r=full",
    )
