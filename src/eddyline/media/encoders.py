"""The settings of each encoder that make chunks join: one row an encoder, the reason beside each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from eddyline.core.errors import UnsupportedError
from eddyline.media.chunks import Grid
from eddyline.media.ladder import Rung

# How full the player's buffer is taken to be where a chunk begins. With x264's own 0.9, five joined chunks
# made 126 frames underflow; with 0.5 none, for 0.1 VMAF: half full is where rate control with a lookahead
# steers to, so that a chunk leaves the buffer as it found it.
_BUFFER_AT_START = Fraction(1, 2)
# Without a lookahead x264 spends what it is given, and each chunk would leave less than it found. There, this
# part of the buffer is the chunk's whole credit, and the cap is lowered by as much over the chunk's length:
# whatever the picture, joined chunks then cannot drain a buffer that is as full as this at the start.
_NO_LOOKAHEAD, _CREDIT = frozenset({"ultrafast", "superfast"}), Fraction(1, 4)
_HIGHEST_LEVEL = "6.2"


def options(rung: Rung, grid: Grid, frames: int, threads: int) -> tuple[str, ...]:
    """FFmpeg's options for `rung` of a chunk of `frames` frames; `threads` is what one encoder may use.

    Equal arguments give equal bytes; another number of threads gives another, equally good stream, so that
    everything that is to be joined uses one number. Raises `UnsupportedError` for an unknown encoder.
    """
    try:
        table = _TABLE[rung.encoder]
    except KeyError:
        raise UnsupportedError(
            f"Eddyline does not know how to join what {rung.encoder} encodes",
            remedy=f"use one of {', '.join(sorted(_TABLE))}",
        ) from None
    return ("-c:v", rung.encoder, *table(rung, grid, frames, threads))


def _x264(rung: Rung, grid: Grid, frames: int, threads: int) -> tuple[str, ...]:
    cap, start = _x264_cap(rung, grid, frames)
    parameters = {
        **_fixed_gop(grid),
        "stitchable": "1",  # parameter sets that do not depend on the chunk's content
        "vbv-init": f"{float(start):.4f}",
        # Without it a variable rate's ticks would be taken for frames, and the buffer for empty.
        "fps": f"{grid.fps.numerator}/{grid.fps.denominator}",
    }
    return (
        *_common(rung, grid, threads),
        # Said, for a level that the encoder chooses may differ between chunks.
        *("-level:v", rung.level or _HIGHEST_LEVEL),
        *cap,
        *("-sc_threshold", "0", "-x264-params", _joined(parameters)),
    )


def _x264_cap(rung: Rung, grid: Grid, frames: int) -> tuple[tuple[str, ...], Fraction]:
    """The rate cap, and how full its buffer is at the start."""
    if rung.preset not in _NO_LOOKAHEAD:
        return _rate_cap(rung.maxrate_kbps, rung.bufsize_kbps), _BUFFER_AT_START
    credit = rung.bufsize_kbps * _CREDIT
    # A last chunk may be short; nothing follows it.
    seconds = max(frames, grid.segment) / grid.fps
    rate = max(rung.maxrate_kbps - credit / seconds, Fraction(rung.maxrate_kbps, 2))
    return _rate_cap(int(rate), int(rung.bufsize_kbps - credit)), _CREDIT / (1 - _CREDIT)


def _x265(rung: Rung, grid: Grid, _frames: int, threads: int) -> tuple[str, ...]:
    parameters = {
        **_fixed_gop(grid),  # x265 ignores -sc_threshold
        "vbv-init": f"{float(_BUFFER_AT_START):.4f}",
        "fps": f"{grid.fps.numerator}/{grid.fps.denominator}",
        # With several frame or row threads, x265's VBV depends on which of them is first.
        "frame-threads": "1",
        "pools": "none" if threads == 1 else str(threads),
        "wpp": "0" if threads == 1 else "1",
        "repeat-headers": "0",  # parameter sets in the sample entry only (hvc1)
        "info": "0",
        "log-level": "error",
    }
    # hvc1: Apple's players refuse hev1.
    tag = ("-tag:v", "hvc1", "-x265-params", _joined(parameters))
    return (*_common(rung, grid, threads), *_rate_cap(rung.maxrate_kbps, rung.bufsize_kbps), *tag)


def _svt_av1(rung: Rung, grid: Grid, _frames: int, threads: int) -> tuple[str, ...]:
    parameters = {
        "lp": str(threads),
        "keyint": str(grid.gop),
        "irefresh-type": "2",  # closed GOPs: key frames, not forward key frames
        "scd": "0",
        "mbr": f"{rung.maxrate_kbps}",  # capped CRF; SVT-AV1 has no buffer to start half full
        "fps-num": str(grid.fps.numerator),
        "fps-denom": str(grid.fps.denominator),
    }
    return (*_common(rung, grid, threads), "-svtav1-params", _joined(parameters))


_TABLE: Mapping[str, Callable[[Rung, Grid, int, int], tuple[str, ...]]] = {
    "libx264": _x264,
    "libx265": _x265,
    "libsvtav1": _svt_av1,
}


def _common(rung: Rung, grid: Grid, threads: int) -> tuple[str, ...]:
    return (
        *("-preset", rung.preset, "-crf", str(rung.crf), "-g", str(grid.gop)),
        *("-pix_fmt", rung.pixel_format, "-threads", str(threads)),
    )


def _rate_cap(rate_kbps: int, buffer_kbps: int) -> tuple[str, ...]:
    return ("-maxrate", f"{rate_kbps}k", "-bufsize", f"{buffer_kbps}k")


def _fixed_gop(grid: Grid) -> dict[str, str]:
    """Keyframes by count: every rendition has them at the same frames, and no chunk has others."""
    return {"keyint": str(grid.gop), "min-keyint": str(grid.gop), "scenecut": "0", "open-gop": "0"}


def _joined(parameters: Mapping[str, str]) -> str:
    return ":".join(f"{name}={value}" for name, value in parameters.items())
