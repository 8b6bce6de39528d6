"""Conversion of a source's colours to YCbCr that players support: matrix, range and tags.

YCbCr with a matrix that every player supports (BT.709, BT.601, BT.2020 non-constant luminance) keeps its
matrix and its tags. Untagged YCbCr stays untagged. Everything else is converted to BT.709, or to BT.2020 if
it has BT.2020 primaries, and tagged: RGB, palettes, YCgCo, ICtCp, constant luminance, FCC and SMPTE 240M.
Primaries and transfer are not converted; if a converted source does not specify them, those of BT.709 are
assumed.
"""

from __future__ import annotations

import re
from typing import Final

from eddyline.core.errors import UnsupportedError
from eddyline.media.source.source import VideoFacts

_RGB: Final = re.compile(r"gbr|[0ax]?(rgb|bgr)|x2(rgb|bgr)|pal8|xyz|bayer")
_GREY: Final = re.compile(r"gray|ya(8|16|f)|mono[bw]")
_ALPHA: Final = re.compile(r"yuva|rgba|bgra|argb|abgr|gbrap|ya\d|yaf|ayuv|vuya")
_KEPT: Final = frozenset({"unknown", "bt709", "bt470bg", "smpte170m", "bt2020nc"})
_SCALED: Final = frozenset({"fcc", "smpte240m"})
ZSCALE_MATRICES: Final = frozenset({"ycgco", "bt2020c", "chroma-derived-nc", "chroma-derived-c", "ictcp"})
"""Matrices that FFmpeg's zscale filter supports and its scale filter does not."""
_NOT_IN_ZSCALE: Final = frozenset({"unknown", "bt1361e", "smpte428", "vlog"})  # transfers
_CONSTANT_LUMINANCE: Final = frozenset({"bt709", "smpte170m", "smpte240m", "bt2020-10", "bt2020-12"})
# The zscale filter does not support all transfers and primaries, and they do not matter where they are kept.
_ANY_LIGHT: Final = "tin=bt709:pin=bt709:t=bt709:p=bt709"
_ACCURATE: Final = "accurate_rnd+full_chroma_int+full_chroma_inp"
SCALER: Final = "bicubic+accurate_rnd"
"""FFmpeg's default scaler. Without accurate_rnd each rung is 0.04 codes darker than the one above it."""
CHROMA: Final = "left"
"""The chroma location of all renditions: that of MPEG-2, which players assume for untagged video."""


def is_rgb(pixel_format: str) -> bool:
    """Whether pixels are RGB or XYZ: planar, packed or palettized."""
    return _RGB.match(pixel_format) is not None


def _is_raw(pixel_format: str) -> bool:
    """Whether pixels are XYZ or those of a sensor: only the scale filter converts them."""
    return pixel_format.startswith(("xyz", "bayer"))


def is_grey(pixel_format: str) -> bool:
    """Whether pixels are greyscale."""
    return _GREY.match(pixel_format) is not None


def has_alpha(pixel_format: str) -> bool:
    """Whether the format has an alpha channel (palettes can have alpha, but rarely do)."""
    return _ALPHA.match(pixel_format) is not None


def require_convertible(facts: VideoFacts) -> None:
    """Raise `UnsupportedError` if FFmpeg cannot convert the matrix, or the matrix with this transfer.

    Constant luminance is defined only for SDR transfers, ICtCp only for PQ and HLG with BT.2020 primaries
    (ITU-R BT.2020 and BT.2100).
    """
    _, primaries, transfer = _target(facts)
    match facts.matrix:
        case _ if is_rgb(facts.pixel_format):
            known = True
        case "bt2020c":
            known = transfer in _CONSTANT_LUMINANCE
        case "ictcp":
            known = facts.hdr and primaries == "bt2020"
        case matrix:
            known = matrix in _KEPT | _SCALED | ZSCALE_MATRICES | {"gbr"}
    if known:
        return
    raise UnsupportedError(
        f"FFmpeg cannot convert colors of the matrix {facts.matrix} with the transfer {facts.transfer}",
        remedy="convert the video to BT.709 or BT.2020 in the application that created it",
        reason="color-matrix",
    )


def keeps_matrix(facts: VideoFacts) -> bool:
    """Whether the output keeps the source's YCbCr matrix; the range may change."""
    return not is_rgb(facts.pixel_format) and facts.matrix in _KEPT


def is_supported_by_scale(facts: VideoFacts) -> bool:
    """Whether FFmpeg's scale filter supports such frames; zscale supports the others."""
    return is_rgb(facts.pixel_format) or facts.matrix not in ZSCALE_MATRICES


def scale_filters(
    facts: VideoFacts, width: int, height: int, pixel_format: str, chroma: str
) -> tuple[str, ...]:
    """Filters from a decoded frame to `width` x `height` and this YCbCr format, in limited range, tagged.

    `chroma` is the location of the chroma samples of the result.
    The range is always limited, because many players ignore the full-range flag. The scaler is FFmpeg's
    default, so that a rung is as sharp as that of a plain command. Conversions are done by the zscale filter:
    where the scale filter converts the range, it adds 0.3 to 0.4 codes.
    """
    to = f"format={pixel_format}"
    matrix, primaries, transfer = output_colours(facts)
    tags = f"setparams=colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}"
    if only_needs_scaling(facts) and chroma == CHROMA:
        # An RGB tag on video that is not RGB: FFmpeg ignores it, and encoders must not repeat it.
        untagged = ("setparams=colorspace=unknown",) if facts.matrix == "gbr" else ()
        return (*untagged, f"{rescale_filter(width, height)}:out_range=limited", to)
    if _is_raw(facts.pixel_format):
        out = f"out_color_matrix={'bt2020' if matrix == 'bt2020nc' else matrix}:out_range=limited"
        scale = f"scale={width}:{height}:flags=bicubic+{_ACCURATE}:{out}:out_chroma_loc={chroma}"
        return (scale, to, f"{tags}:range=tv")
    conversion = matrix_conversion(facts, matrix, f"r=limited:c={chroma}:dither=ordered")
    return (f"zscale={width}:{height}:filter=bicubic:{conversion}", to, tags)


def only_needs_scaling(facts: VideoFacts) -> bool:
    """Whether frames have the matrix, the range and the chroma location of renditions."""
    chroma = facts.chroma_location in {"unknown", CHROMA}
    kept = not is_rgb(facts.pixel_format) and facts.matrix in _KEPT | {"gbr"}
    return kept and chroma and not facts.full_range


def rescale_filter(width: int, height: int) -> str:
    """The filter that scales frames of renditions. By default it would move their chroma samples."""
    return f"scale={width}:{height}:flags={SCALER}:in_chroma_loc={CHROMA}:out_chroma_loc={CHROMA}"


def move_chroma_filters(location: str, colours: tuple[str, str, str], pixel_format: str) -> tuple[str, ...]:
    """From chroma samples at `location` to that of renditions. The tags are those of `output_colours`.

    By the zscale filter, because the scale filter does nothing if neither size nor format changes.
    """
    matrix, primaries, transfer = colours
    same = f"{_ANY_LIGHT}:min=bt709:m=bt709:rin=limited:r=limited"
    tags = f"setparams=colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}"
    return (f"zscale={same}:cin={location}:c={CHROMA}", f"format={pixel_format}", tags)


def matrix_conversion(facts: VideoFacts, matrix: str, output: str, *, untagged: str = "bt709") -> str:
    """The zscale options for a conversion to this YCbCr matrix ("unknown": none) and to `output`.

    Only a conversion between matrices that depend on the transfer function needs the true one; others are
    done with any, because zscale does not support all of them. `untagged` is the matrix of untagged frames.
    """
    if facts.matrix in ZSCALE_MATRICES and not is_rgb(facts.pixel_format):
        _, primaries, transfer = _target(facts)
        return f"{zscale_input(facts)}:m={matrix}:p={primaries}:t={transfer}:{output}:agamma=0"
    source = facts.matrix if facts.matrix in _SCALED | _KEPT - {"unknown"} else untagged
    value_range = "full" if facts.full_range else "limited"
    if is_rgb(facts.pixel_format):
        source, value_range = "gbr", "full"
    matrices = f"min={source}:m={source if matrix == 'unknown' else matrix}"
    return f"{_ANY_LIGHT}:{matrices}:rin={value_range}{_chroma_input(facts)}:{output}"


def output_colours(facts: VideoFacts) -> tuple[str, str, str]:
    """(matrix, primaries, transfer) of renditions that are not tone-mapped; "unknown" if untagged."""
    if keeps_matrix(facts):
        return facts.matrix, facts.primaries, facts.transfer
    if facts.matrix == "gbr" and not is_rgb(facts.pixel_format):
        return "unknown", facts.primaries, facts.transfer
    return _target(facts)


def zscale_input(facts: VideoFacts) -> str:
    """The zscale options that describe a decoded frame; zscale rejects frames with unknown colours."""
    _, primaries, transfer = _target(facts)
    if is_rgb(facts.pixel_format):
        return f"tin={transfer}:pin={primaries}:min=gbr:rin=full"
    matrix = (
        facts.matrix
        if facts.matrix in ZSCALE_MATRICES | _SCALED | _KEPT - {"unknown"}
        else _matrix(primaries)
    )
    value_range = "full" if facts.full_range else "limited"
    return f"tin={transfer}:pin={primaries}:min={matrix}:rin={value_range}{_chroma_input(facts)}"


def _chroma_input(facts: VideoFacts) -> str:
    return "" if facts.chroma_location == "unknown" else f":cin={facts.chroma_location}"


def _target(facts: VideoFacts) -> tuple[str, str, str]:
    """(matrix, primaries, transfer) of the output."""
    if facts.pixel_format.startswith("xyz"):
        return "bt709", "bt709", "bt709"  # FFmpeg's output for XYZ
    wide = facts.hdr or facts.matrix in {"bt2020c", "bt2020nc"}
    primaries = facts.primaries if facts.primaries != "unknown" else "bt2020" if wide else "bt709"
    transfer = "bt709" if facts.transfer in _NOT_IN_ZSCALE else facts.transfer
    return _matrix(primaries), primaries, transfer


def _matrix(primaries: str) -> str:
    return "bt2020nc" if primaries == "bt2020" else "bt709"
