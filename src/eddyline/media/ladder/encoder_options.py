"""The settings of each encoder that make chunks join: one row an encoder, the reason beside each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from eddyline.core.errors import UnsupportedError
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung


@dataclass(frozen=True, kw_only=True)
class _Share:
    """A chunk's share of the player's buffer, as parts of it.

    The encoder is told of a buffer of `size`, full to `start`, and of a rate that is lower by `repaid` over
    the chunk's length: what the chunk takes from the buffer in the beginning is back at its end, and it
    spends the same bits in all as one encoder for the whole would.
    """

    size: Fraction
    start: Fraction
    repaid: Fraction


# Measured on 22 s of camera footage capped hard (4 s chunks; one encoder: VMAF 78.94). x264's own start of
# 0.9 lets joined chunks drain the buffer. 0.5 of the whole buffer does not, but gives 77.79, for rate control
# with a lookahead first fills its buffer to a half. This share gives 78.92; the buffer is never below 0.3.
_WITH_LOOKAHEAD = _Share(size=Fraction(2, 3), start=Fraction(3, 4), repaid=Fraction(1, 6))
# Without a lookahead all that is given is spent. Here nothing can drain the buffer, whatever the picture: the
# chunk's credit is a quarter of it, and a quarter is kept from the encoder.
_WITHOUT_LOOKAHEAD = _Share(size=Fraction(3, 4), start=Fraction(1, 3), repaid=Fraction(1, 4))
_NO_LOOKAHEAD = frozenset({"ultrafast", "superfast"})
_HIGHEST_LEVEL = "6.2"


def encoder_options(rung: Rung, grid: Grid, frames: int, threads: int) -> tuple[str, ...]:
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
    share = _WITHOUT_LOOKAHEAD if rung.preset in _NO_LOOKAHEAD else _WITH_LOOKAHEAD
    parameters = {
        **_fixed_gop(grid),
        "stitchable": "1",  # parameter sets that do not depend on the chunk's content
        "vbv-init": f"{float(share.start):.4f}",
        # Without it a variable rate's ticks would be taken for frames, and the buffer for empty.
        "fps": f"{grid.encoder_fps.numerator}/{grid.encoder_fps.denominator}",
    }
    return (
        *_common(rung, grid, threads),
        # Said, for a level that the encoder chooses may differ between chunks.
        *("-level:v", rung.level or _HIGHEST_LEVEL),
        *_rate_cap(rung, share, max(frames, grid.segment) / grid.fps),
        *("-sc_threshold", "0", "-x264-params", _joined(parameters)),
    )


def _x265(rung: Rung, grid: Grid, _frames: int, threads: int) -> tuple[str, ...]:
    parameters = {
        **_fixed_gop(grid),  # x265 ignores -sc_threshold
        "vbv-init": f"{float(_WITH_LOOKAHEAD.start):.4f}",
        "fps": f"{grid.encoder_fps.numerator}/{grid.encoder_fps.denominator}",
        # With several frame or row threads, x265's VBV depends on which of them is first.
        "frame-threads": "1",
        "pools": "none" if threads == 1 else str(threads),
        "wpp": "0" if threads == 1 else "1",
        "repeat-headers": "0",  # parameter sets in the sample entry only (hvc1)
        "info": "0",
        "log-level": "error",
    }
    # One rate for all chunks: the level in x265's parameter sets follows from it.
    cap = _rate_cap(rung, _WITH_LOOKAHEAD, grid.segment_s)
    # hvc1: Apple's players refuse hev1.
    tag = ("-tag:v", "hvc1", "-x265-params", _joined(parameters))
    return (*_common(rung, grid, threads), *cap, *tag)


def _svt_av1(rung: Rung, grid: Grid, _frames: int, threads: int) -> tuple[str, ...]:
    parameters = {
        "lp": str(threads),
        "keyint": str(grid.gop),
        "irefresh-type": "2",  # closed GOPs: key frames, not forward key frames
        "scd": "0",
        "mbr": f"{rung.maxrate_kbps}",  # capped CRF; SVT-AV1 has no buffer to start half full
        "fps-num": str(grid.encoder_fps.numerator),
        "fps-denom": str(grid.encoder_fps.denominator),
    }
    return (*_common(rung, grid, threads), "-svtav1-params", _joined(parameters))


# Not run on a GPU by us: the options are those that FFmpeg 9's encoders list and parse.
_LOOKAHEAD = 20
# FFmpeg cannot tell NVENC how full its buffer is, and in constant quality it drops the buffer's size as well
# (libavcodec/nvenc.c): the encoder is held by the rate alone. It may take half of the player's buffer in a
# chunk's beginning, and has paid that back at its end.
_UNTOLD = _Share(size=Fraction(1, 2), start=Fraction(1), repaid=Fraction(1, 2))


def _nvenc(rung: Rung, grid: Grid) -> tuple[str, ...]:
    """What the three have in common."""
    return (
        *("-preset", rung.preset, "-tune", "hq", "-gpu", "any"),
        # Keyframes by count alone; NVENC makes each of them an IDR, so that GOPs are closed.
        *("-g", str(grid.gop), "-no-scenecut", "1"),
        # Should FFmpeg itself ask for a keyframe, it is an IDR too: a plain I frame would open the GOP.
        *("-forced-idr", "1"),
        # What a GOP did not spend is not the next one's: a chunk's first GOP is like any other.
        *("-strict_gop", "1"),
        # Said, for what a preset chooses differs between generations of GPUs; B frames as references are
        # not on all of them.
        *("-bf", "2", "-b_adapt", "0", "-b_ref_mode", "disabled"),
        # Looks ahead within the chunk; FFmpeg drains it at the end, so no frame is lost or moved.
        *("-rc-lookahead", str(_LOOKAHEAD)),
        # Without a bit rate of zero, FFmpeg's default of 2 Mbit/s would be the target.
        *("-rc", "vbr", "-cq", str(rung.crf), "-b:v", "0"),
        # One cap for chunks of any length: the level in the parameter sets follows from it.
        *_rate_cap(rung, _UNTOLD, grid.segment_s),
        # NVENC knows ten bits only as P010 (the same samples, shifted).
        *("-pix_fmt", "p010le" if rung.pixel_format == "yuv420p10le" else rung.pixel_format),
    )


def _h264_nvenc(rung: Rung, grid: Grid, _frames: int, _threads: int) -> tuple[str, ...]:
    return (*_nvenc(rung, grid), "-profile:v", "high", "-level:v", rung.level or _HIGHEST_LEVEL)


def _hevc_nvenc(rung: Rung, grid: Grid, _frames: int, _threads: int) -> tuple[str, ...]:
    profile = "main10" if rung.pixel_format == "yuv420p10le" else "main"
    return (*_nvenc(rung, grid), "-profile:v", profile, *_WHOLE_PICTURE, "-tag:v", "hvc1")


def _av1_nvenc(rung: Rung, grid: Grid, _frames: int, _threads: int) -> tuple[str, ...]:
    return (*_nvenc(rung, grid), *_WHOLE_PICTURE)


# A GPU with several encoders would cut pictures into strips, and give other bytes than one with a single one.
_WHOLE_PICTURE = ("-split_encode_mode", "disabled")

_TABLE: Mapping[str, Callable[[Rung, Grid, int, int], tuple[str, ...]]] = {
    "libx264": _x264,
    "libx265": _x265,
    "libsvtav1": _svt_av1,
    "h264_nvenc": _h264_nvenc,
    "hevc_nvenc": _hevc_nvenc,
    "av1_nvenc": _av1_nvenc,
}


def _common(rung: Rung, grid: Grid, threads: int) -> tuple[str, ...]:
    return (
        *("-preset", rung.preset, "-crf", str(rung.crf), "-g", str(grid.gop)),
        *("-pix_fmt", rung.pixel_format, "-threads", str(threads)),
    )


def _rate_cap(rung: Rung, share: _Share, seconds: Fraction) -> tuple[str, ...]:
    """The cap for a chunk of `seconds`; a last chunk may be shorter than that, for nothing follows it."""
    lowered = rung.maxrate_kbps - rung.bufsize_kbps * share.repaid / seconds
    rate = int(
        max(lowered, Fraction(rung.maxrate_kbps, 2))
    )  # chunks of a second would else get next to nothing
    return ("-maxrate", f"{rate}k", "-bufsize", f"{int(rung.bufsize_kbps * share.size)}k")


def _fixed_gop(grid: Grid) -> dict[str, str]:
    """Keyframes by count: every rendition has them at the same frames, and no chunk has others."""
    return {"keyint": str(grid.gop), "min-keyint": str(grid.gop), "scenecut": "0", "open-gop": "0"}


def _joined(parameters: Mapping[str, str]) -> str:
    return ":".join(f"{name}={value}" for name, value in parameters.items())
