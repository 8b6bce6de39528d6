"""The settings of each encoder that make chunks join: one row an encoder, the reason beside each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from eddyline.core.errors import UnsupportedError
from eddyline.media.chunks import Grid
from eddyline.media.ladder import Rung

# How full the decoder's buffer is taken to be where a chunk begins. With x264's own 0.9, five joined chunks
# made 126 frames underflow; with 0.5 none, for 0.1 VMAF (facts of the project's measurements).
_BUFFER_AT_START = "0.5"


def options(rung: Rung, grid: Grid, rate: Fraction, threads: int) -> tuple[str, ...]:
    """FFmpeg's options for `rung`; `rate` is the nominal frame rate, `threads` what one encoder may use.

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
    return ("-c:v", rung.encoder, *table(rung, grid, rate, threads))


def _x264(rung: Rung, grid: Grid, rate: Fraction, threads: int) -> tuple[str, ...]:
    parameters = {
        **_fixed_gop(grid),
        "stitchable": "1",  # parameter sets that do not depend on the chunk's content
        "vbv-init": _BUFFER_AT_START,
        # Without it a variable rate's ticks would be taken for frames, and the buffer for empty.
        "fps": f"{rate.numerator}/{rate.denominator}",
    }
    level = ("-level:v", rung.level) if rung.level else ()
    return (
        *_common(rung, grid, threads),
        *level,
        *_rate_cap(rung),
        "-sc_threshold",
        "0",
        "-x264-params",
        _joined(parameters),
    )


def _x265(rung: Rung, grid: Grid, rate: Fraction, threads: int) -> tuple[str, ...]:
    parameters = {
        **_fixed_gop(grid),  # x265 ignores -sc_threshold
        "vbv-init": _BUFFER_AT_START,
        "fps": f"{rate.numerator}/{rate.denominator}",
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
    return (*_common(rung, grid, threads), *_rate_cap(rung), *tag)


def _svt_av1(rung: Rung, grid: Grid, rate: Fraction, threads: int) -> tuple[str, ...]:
    parameters = {
        "lp": str(threads),
        "keyint": str(grid.gop),
        "irefresh-type": "2",  # closed GOPs: key frames, not forward key frames
        "scd": "0",
        "mbr": f"{rung.maxrate_kbps}",  # capped CRF; SVT-AV1 has no buffer to start half full
        "fps-num": str(rate.numerator),
        "fps-denom": str(rate.denominator),
    }
    return (*_common(rung, grid, threads), "-svtav1-params", _joined(parameters))


_TABLE: Mapping[str, Callable[[Rung, Grid, Fraction, int], tuple[str, ...]]] = {
    "libx264": _x264,
    "libx265": _x265,
    "libsvtav1": _svt_av1,
}


def _common(rung: Rung, grid: Grid, threads: int) -> tuple[str, ...]:
    return (
        *("-preset", rung.preset, "-crf", str(rung.crf), "-g", str(grid.gop)),
        *("-pix_fmt", rung.pixel_format, "-threads", str(threads)),
    )


def _rate_cap(rung: Rung) -> tuple[str, ...]:
    return ("-maxrate", f"{rung.maxrate_kbps}k", "-bufsize", f"{rung.bufsize_kbps}k")


def _fixed_gop(grid: Grid) -> dict[str, str]:
    """Keyframes by count: every rendition has them at the same frames, and no chunk has others."""
    return {"keyint": str(grid.gop), "min-keyint": str(grid.gop), "scenecut": "0", "open-gop": "0"}


def _joined(parameters: Mapping[str, str]) -> str:
    return ":".join(f"{name}={value}" for name, value in parameters.items())
