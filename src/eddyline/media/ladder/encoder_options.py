"""The FFmpeg options of each encoder, chosen so that separately encoded chunks can be joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from eddyline.core.errors import UnsupportedError
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.encoders import ENCODERS
from eddyline.media.ladder.ladder import Rung
from eddyline.mp4.bitstream.hdr_metadata import NO_HDR_METADATA, HdrMetadata


@dataclass(frozen=True, kw_only=True)
class _BufferShare:
    """A chunk's share of the player's buffer (VBV), as fractions of the buffer.

    The encoder gets a buffer of `size`, filled to `start`, and a maximum rate that is lower by `repaid` over
    the length of the chunk. The bits that a chunk takes from the buffer at its start are returned by its end,
    so that all chunks together spend the same bits as one encoder of the whole source.
    """

    size: Fraction
    start: Fraction
    repaid: Fraction


class _Shares(NamedTuple):
    """The share of the first chunk of a source, and that of every other chunk."""

    first: _BufferShare
    other: _BufferShare


class _Chunk(NamedTuple):
    """What the options need to know of a chunk: frames, threads per encoder, its place, HDR metadata."""

    frames: int
    threads: int
    is_first: bool
    hdr: HdrMetadata


# Rate control with a lookahead ends a chunk with its buffer about half full. The first chunk has all of the
# player's buffer, as one encoder of the whole source has: it starts with 0.9 of it and leaves one half to
# the next chunk. In the other chunks, x264's default start of 0.9 would drain the buffer of the joined file.
# A start of 0.5 of the whole buffer makes the encoder fill it first, and a smaller buffer lowers the rate
# over the chunk; of the sizes 2/3, 0.8, 0.9 and 1, 0.8 loses least in both rungs together. 30 s of natural
# video in chunks of 8 s have 0.3 to 0.5 % fewer bytes than of one encoder, and 0.04 to 0.18 VMAF less
# (`python -m benchmarks encode`); with 2/3 in all chunks, 2.9 % fewer bytes and 0.42 VMAF less.
_WITH_LOOKAHEAD = _Shares(
    first=_BufferShare(size=Fraction(1), start=Fraction(9, 10), repaid=Fraction(0)),
    other=_BufferShare(size=Fraction(4, 5), start=Fraction(5, 8), repaid=Fraction(1, 10)),
)
# Without a lookahead the encoder spends all of its buffer. With these shares no content can drain the
# player's buffer: each chunk leaves a quarter of it to the next one, and a quarter is withheld from the
# encoder.
_WITHOUT_LOOKAHEAD = _Shares(
    first=_BufferShare(size=Fraction(3, 4), start=Fraction(13, 15), repaid=Fraction(0)),
    other=_BufferShare(size=Fraction(3, 4), start=Fraction(1, 3), repaid=Fraction(1, 4)),
)
# One share for all chunks: the maximum rate and the buffer determine the level in x265's parameter sets.
_X265_SHARE = _BufferShare(size=Fraction(2, 3), start=Fraction(3, 4), repaid=Fraction(1, 6))
_NO_LOOKAHEAD = frozenset({"ultrafast", "superfast"})
_HIGHEST_LEVEL = "6.2"
_QSV_PRESETS = ENCODERS["h264_qsv"].presets  # from the fastest to the best


def encoder_options(
    rung: Rung,
    grid: Grid,
    frames: int,
    threads: int,
    *,
    is_first: bool = False,
    hdr: HdrMetadata = NO_HDR_METADATA,
) -> tuple[str, ...]:
    """Return FFmpeg's options for `rung` of a chunk of `frames` frames, with `threads` threads per encoder.

    `is_first` is true for the first chunk of a source: playback starts there with a buffer that is nearly
    full. `hdr` is the static HDR metadata of the rung. Equal arguments give equal bytes. A different number
    of threads gives different bytes of equal quality, so that all chunks of a source use the same number.
    Raises `UnsupportedError` for an unknown encoder.
    """
    try:
        options = _OPTIONS[rung.encoder]
    except KeyError:
        raise UnsupportedError(
            f"the encoder {rung.encoder} is not supported",
            remedy=f"use one of {', '.join(sorted(_OPTIONS))}",
        ) from None
    return ("-c:v", rung.encoder, *options(rung, grid, _Chunk(frames, threads, is_first, hdr)))


def _x264(rung: Rung, grid: Grid, chunk: _Chunk) -> tuple[str, ...]:
    shares = _WITHOUT_LOOKAHEAD if rung.preset in _NO_LOOKAHEAD else _WITH_LOOKAHEAD
    share = shares.first if chunk.is_first else shares.other
    parameters = {
        **_fixed_gop(grid),
        "stitchable": "1",  # parameter sets that do not depend on the chunk's content
        "vbv-init": f"{float(share.start):.4f}",
        # Without this, x264 counts ticks of a variable rate as frames, and underestimates the buffer.
        "fps": f"{grid.encoder_fps.numerator}/{grid.encoder_fps.denominator}",
    }
    return (
        *_common(rung, grid, chunk.threads),
        # Explicit, because a level chosen by the encoder may differ between chunks.
        *("-level:v", rung.level or _HIGHEST_LEVEL),
        *_rate_cap(rung, share, max(chunk.frames, grid.segment) / grid.fps),
        *("-sc_threshold", "0", "-x264-params", _join_parameters(parameters)),
    )


def _x265(rung: Rung, grid: Grid, chunk: _Chunk) -> tuple[str, ...]:
    parameters = {
        **_fixed_gop(grid),  # x265 ignores -sc_threshold
        "vbv-init": f"{float(_X265_SHARE.start):.4f}",
        "fps": f"{grid.encoder_fps.numerator}/{grid.encoder_fps.denominator}",
        # With several frame or row threads, x265's VBV depends on their timing.
        "frame-threads": "1",
        "pools": "none" if chunk.threads == 1 else str(chunk.threads),
        "wpp": "0" if chunk.threads == 1 else "1",
        "repeat-headers": "0",  # parameter sets in the sample entry only (hvc1)
        "info": "0",
        "log-level": "error",
        **_x265_hdr(chunk.hdr),
    }
    cap = _rate_cap(rung, _X265_SHARE, grid.segment_s)
    # hvc1: Apple's players do not play hev1.
    tag = ("-tag:v", "hvc1", "-x265-params", _join_parameters(parameters))
    return (*_common(rung, grid, chunk.threads), *cap, *tag)


def _svt_av1(rung: Rung, grid: Grid, chunk: _Chunk) -> tuple[str, ...]:
    parameters = {
        "lp": str(chunk.threads),
        "keyint": str(grid.gop),
        "irefresh-type": "2",  # closed GOPs: keyframes instead of forward keyframes
        "scd": "0",
        "mbr": f"{rung.maxrate_kbps}",  # capped CRF; the buffer of SVT-AV1 has no initial fullness
        "fps-num": str(grid.encoder_fps.numerator),
        "fps-denom": str(grid.encoder_fps.denominator),
        **_svt_av1_hdr(chunk.hdr),
    }
    return (*_common(rung, grid, chunk.threads), "-svtav1-params", _join_parameters(parameters))


def _x265_hdr(hdr: HdrMetadata) -> dict[str, str]:
    """Return the options for SEI messages in every keyframe, in units of the messages."""
    options = {}
    if hdr.mastering_display:
        options["master-display"] = _master_display([str(each) for each in hdr.mastering_display])
    if hdr.content_light:
        options["max-cll"] = "{},{}".format(*hdr.content_light)
    return options


def _svt_av1_hdr(hdr: HdrMetadata) -> dict[str, str]:
    """Return the options for metadata OBUs in every keyframe, as decimal numbers."""
    options = {}
    if hdr.mastering_display:
        *points, peak, black = hdr.mastering_display
        numbers = [f"{each / 50_000:.5f}" for each in points]
        luminances = [f"{each / 10_000:.4f}" for each in (peak, black)]
        options["mastering-display"] = _master_display([*numbers, *luminances])
    if hdr.content_light:
        options["content-light"] = "{},{}".format(*hdr.content_light)
    return options


def _master_display(numbers: list[str]) -> str:
    return "G({},{})B({},{})R({},{})WP({},{})L({},{})".format(*numbers)


# Not tested on a GPU: these are options that FFmpeg 9's encoders list and parse.
_LOOKAHEAD = 20
# FFmpeg cannot set NVENC's initial buffer fullness, and in constant quality mode it ignores the buffer size
# as well (libavcodec/nvenc.c): only the rate limits the encoder. It may take half of the player's buffer at
# the start of a chunk, and has returned it by the end.
_NVENC_SHARE = _BufferShare(size=Fraction(1, 2), start=Fraction(1), repaid=Fraction(1, 2))


def _nvenc(rung: Rung, grid: Grid) -> tuple[str, ...]:
    """Return the options common to the three encoders of NVENC."""
    return (
        *("-preset", rung.preset, "-tune", "hq", "-gpu", "any"),
        # Keyframes at fixed intervals; NVENC makes each of them an IDR frame, so that GOPs are closed.
        *("-g", str(grid.gop), "-no-scenecut", "1"),
        # A keyframe forced by FFmpeg is an IDR frame too: another I frame would open the GOP.
        *("-forced-idr", "1"),
        # Bits that a GOP did not spend do not pass to the next one: the first GOP of a chunk is like any
        # other.
        *("-strict_gop", "1"),
        # Explicit, because presets differ between GPU generations; not all of them support B-frames as
        # references.
        *("-bf", "2", "-b_adapt", "0", "-b_ref_mode", "disabled"),
        # FFmpeg drains the lookahead at the end of the chunk, so that no frame is lost or moved.
        *("-rc-lookahead", str(_LOOKAHEAD)),
        # A bitrate of zero; otherwise FFmpeg's default of 2 Mbit/s is the target.
        *("-rc", "vbr", "-cq", f"{rung.crf:g}", "-b:v", "0"),
        # The same maximum rate for chunks of any length: it determines the level in the parameter sets.
        *_rate_cap(rung, _NVENC_SHARE, grid.segment_s),
        # NVENC takes ten bits only as P010 (the same samples, shifted).
        *("-pix_fmt", "p010le" if rung.pixel_format == "yuv420p10le" else rung.pixel_format),
    )


def _h264_nvenc(rung: Rung, grid: Grid, _chunk: _Chunk) -> tuple[str, ...]:
    return (*_nvenc(rung, grid), "-profile:v", "high", "-level:v", rung.level or _HIGHEST_LEVEL)


def _hevc_nvenc(rung: Rung, grid: Grid, _chunk: _Chunk) -> tuple[str, ...]:
    profile = "main10" if rung.pixel_format == "yuv420p10le" else "main"
    return (*_nvenc(rung, grid), "-profile:v", profile, *_NO_SPLIT_ENCODE, "-tag:v", "hvc1")


def _av1_nvenc(rung: Rung, grid: Grid, _chunk: _Chunk) -> tuple[str, ...]:
    return (*_nvenc(rung, grid), *_NO_SPLIT_ENCODE)


# Not tested on a GPU either. Quality-defined VBR (QVBR) is the one mode of both interfaces that has a
# constant quality and a maximum rate. The target rate must be set; it is the maximum,
# so that the quality decides.
_LEVELS_OF_VAAPI = {name: str(level) for level, name in enumerate(reversed(_QSV_PRESETS), 1)}


def _quality_within_rate(rung: Rung, grid: Grid) -> tuple[str, ...]:
    """Return the options common to QSV and VAAPI."""
    cap = _rate_cap(rung, _NVENC_SHARE, grid.segment_s)
    return (
        # Closed GOPs of fixed length; each I frame is an IDR frame (-idr_interval), and none but the first of
        # a GOP is one.
        *("-g", str(grid.gop), "-flags:v", "+cgop", "-bf", "2", "-low_power", "0"),
        *("-global_quality", f"{rung.crf:g}", "-b:v", cap[1], *cap),
    )


def _qsv(rung: Rung, grid: Grid, _chunk: _Chunk) -> tuple[str, ...]:
    return (
        *("-preset", rung.preset, *_quality_within_rate(rung, grid), "-forced_idr", "1"),
        *(("-idr_interval", "0") if rung.codec != "av1" else ()),
        # Without scene cuts, with B-frames at fixed places, and without a lookahead, which not all GPUs have.
        *("-adaptive_i", "0", "-adaptive_b", "0", "-b_strategy", "0"),
        *_profile_and_tag(rung),
        # The encoder uploads frames itself.
        *("-pix_fmt", "p010le" if rung.pixel_format == "yuv420p10le" else "nv12"),
    )


def _vaapi(rung: Rung, grid: Grid, _chunk: _Chunk) -> tuple[str, ...]:
    messages = {
        # Without the message that names the driver, which differs between machines.
        "h264": ("-sei", "timing"),
        "hevc": ("-sei", "hdr"),
    }
    return (
        *("-compression_level", _LEVELS_OF_VAAPI[rung.preset], "-rc_mode", "QVBR"),
        *_quality_within_rate(rung, grid),
        *("-idr_interval", "0", "-b_depth", "1"),
        *_profile_and_tag(rung),
        *messages.get(rung.codec, ()),
    )


def _profile_and_tag(rung: Rung) -> tuple[str, ...]:
    match rung.codec:
        case "h264":
            level = Fraction(rung.level or _HIGHEST_LEVEL) * 10
            return ("-profile:v", "high", "-level:v", str(int(level)))
        case "hevc":
            profile = "main10" if rung.pixel_format == "yuv420p10le" else "main"
            return ("-profile:v", profile, "-tag:v", "hvc1")
        case _:
            return ("-profile:v", "main")


# A GPU with several encoder engines would split frames into strips, and give different bytes than one with a
# single engine.
_NO_SPLIT_ENCODE = ("-split_encode_mode", "disabled")

_OPTIONS: Mapping[str, Callable[[Rung, Grid, _Chunk], tuple[str, ...]]] = {
    "libx264": _x264,
    "libx265": _x265,
    "libsvtav1": _svt_av1,
    "h264_nvenc": _h264_nvenc,
    "hevc_nvenc": _hevc_nvenc,
    "av1_nvenc": _av1_nvenc,
    **{f"{codec}_qsv": _qsv for codec in ("h264", "hevc", "av1")},
    **{f"{codec}_vaapi": _vaapi for codec in ("h264", "hevc", "av1")},
}


def _common(rung: Rung, grid: Grid, threads: int) -> tuple[str, ...]:
    return (
        *("-preset", rung.preset, "-crf", f"{rung.crf:g}", "-g", str(grid.gop)),
        *("-pix_fmt", rung.pixel_format, "-threads", str(threads)),
    )


def _rate_cap(rung: Rung, share: _BufferShare, seconds: Fraction) -> tuple[str, ...]:
    """Return the rate limit for a chunk of `seconds`; the last chunk of a source may be shorter."""
    lowered = rung.maxrate_kbps - rung.bufsize_kbps * share.repaid / seconds
    rate = int(max(lowered, Fraction(rung.maxrate_kbps, 2)))  # not too low for chunks of one second
    return ("-maxrate", f"{rate}k", "-bufsize", f"{int(rung.bufsize_kbps * share.size)}k")


def _fixed_gop(grid: Grid) -> dict[str, str]:
    """Return the options for keyframes at fixed intervals: at equal frames in all renditions."""
    return {"keyint": str(grid.gop), "min-keyint": str(grid.gop), "scenecut": "0", "open-gop": "0"}


def _join_parameters(parameters: Mapping[str, str]) -> str:
    return ":".join(f"{name}={value}" for name, value in parameters.items())
