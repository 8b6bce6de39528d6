"""From the colours of a source to YCbCr that players know: which matrix, which range, which tags.

YCbCr of a matrix that every player knows (BT.709, BT.601, BT.2020 with non-constant luminance) keeps it, and
its tags. YCbCr without tags stays without: Eddyline does not state what the source leaves open. All else is
converted to BT.709, or to BT.2020 where its primaries are those, and tagged: RGB, palettes, YCgCo, ICtCp,
constant luminance, FCC and SMPTE 240M. Primaries and transfer are not converted; where a source that is
converted does not name them, they are taken to be BT.709's.
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
"""Matrices that FFmpeg's zscale filter knows, and its scale filter does not."""
_NOT_IN_ZSCALE: Final = frozenset({"unknown", "bt1361e", "smpte428", "vlog"})  # transfers
_CONSTANT_LUMINANCE: Final = frozenset({"bt709", "smpte170m", "smpte240m", "bt2020-10", "bt2020-12"})
_ACCURATE: Final = "accurate_rnd+full_chroma_int+full_chroma_inp"


def is_rgb(pixel_format: str) -> bool:
    """Whether pixels are red, green and blue (or XYZ): planar, packed or of a palette."""
    return _RGB.match(pixel_format) is not None


def is_grey(pixel_format: str) -> bool:
    """Whether pixels have no colour."""
    return _GREY.match(pixel_format) is not None


def has_alpha(pixel_format: str) -> bool:
    """Whether pixels say how opaque they are (a palette may, but hardly ever does)."""
    return _ALPHA.match(pixel_format) is not None


def require_convertible(facts: VideoFacts) -> None:
    """Raise `UnsupportedError` for YCbCr of a matrix that FFmpeg cannot convert, also with such a transfer.

    Constant luminance is defined for the transfers of standard dynamic range alone, ICtCp for PQ and HLG with
    the primaries of BT.2020 (ITU-R BT.2020 and BT.2100).
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
        remedy="convert the video to BT.709 or BT.2020 with the program that made it",
        reason="color-matrix",
    )


def keeps_matrix(facts: VideoFacts) -> bool:
    """Whether the source's YCbCr stays what it is, but for its range."""
    return not is_rgb(facts.pixel_format) and facts.matrix in _KEPT


def is_supported_by_scale(facts: VideoFacts) -> bool:
    """Whether FFmpeg's scale filter takes such frames; zscale takes the others."""
    return is_rgb(facts.pixel_format) or facts.matrix not in ZSCALE_MATRICES


def scale_filters(facts: VideoFacts, width: int, height: int, pixel_format: str) -> tuple[str, ...]:
    """Filters from a decoded frame to `width` x `height` and this YCbCr format, in limited range, tagged.

    Limited range always: too many players ignore the flag of the other. The scaler is FFmpeg's own default,
    so that a rung is as sharp as that of a plain command.
    """
    to = f"format={pixel_format}"
    if keeps_matrix(facts):
        return (f"scale={width}:{height}:flags=bicubic:out_range=limited", to)
    if facts.matrix == "gbr" and not is_rgb(facts.pixel_format):
        # RGB's tag on what is not RGB: FFmpeg takes no notice, and encoders must not repeat it.
        return ("setparams=colorspace=unknown", f"scale={width}:{height}:flags=bicubic:out_range=limited", to)
    matrix, primaries, transfer = _target(facts)
    if not is_supported_by_scale(facts):
        out = f"m={matrix}:p={primaries}:t={transfer}:r=limited"
        return (f"zscale={width}:{height}:filter=bicubic:{zscale_input(facts)}:{out}", to)
    out = f"out_color_matrix={'bt2020' if matrix == 'bt2020nc' else matrix}:out_range=limited"
    tags = f"colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}:range=tv"
    return (f"scale={width}:{height}:flags=bicubic+{_ACCURATE}:{out}", to, f"setparams={tags}")


def zscale_input(facts: VideoFacts) -> str:
    """The zscale options that describe a decoded frame, for that filter takes none of unknown colors."""
    _, primaries, transfer = _target(facts)
    if is_rgb(facts.pixel_format):
        return f"tin={transfer}:pin={primaries}:min=gbr:rin=full"
    matrix = (
        facts.matrix
        if facts.matrix in ZSCALE_MATRICES | _SCALED | _KEPT - {"unknown"}
        else _matrix(primaries)
    )
    return f"tin={transfer}:pin={primaries}:min={matrix}:rin={'full' if facts.full_range else 'limited'}"


def _target(facts: VideoFacts) -> tuple[str, str, str]:
    """(matrix, primaries, transfer) of what is made of the source."""
    if facts.pixel_format.startswith("xyz"):
        return "bt709", "bt709", "bt709"  # that is what FFmpeg makes of it
    wide = facts.hdr or facts.matrix in {"bt2020c", "bt2020nc"}
    primaries = facts.primaries if facts.primaries != "unknown" else "bt2020" if wide else "bt709"
    transfer = "bt709" if facts.transfer in _NOT_IN_ZSCALE else facts.transfer
    return _matrix(primaries), primaries, transfer


def _matrix(primaries: str) -> str:
    return "bt2020nc" if primaries == "bt2020" else "bt709"
