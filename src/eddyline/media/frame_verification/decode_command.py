"""The FFmpeg command that decodes ranges of a file to small RGB frames, and its filters.

FFmpeg's own demuxer, timestamps, rotation, cropping, aspect ratio and colour conversion are used, and none of
the pipeline's index, slices or filters: the code under verification must not produce the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eddyline.media.frame_verification.frame_times import SECOND_US
from eddyline.media.ladder.crop import Crop
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video.colours import is_rgb, is_supported_by_scale

_DEMUXERS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,flv,ogg,mxf,asf"
_EXTRA_FRAMES: Final = 8  # decoded beyond the expected count, so that surplus frames are detected
_SCALE_FLAGS: Final = "flags=area+accurate_rnd+full_chroma_int+bitexact"
_REFERENCE_WHITE, _PEAK = 203, 1000  # cd/m2, of HDR (ITU-R BT.2408), and of consumer HDR
# The place of the chroma sample of two by two pixels, in half pixels from that at the upper left.
_CHROMA_PLACES: Final[dict[str, tuple[int, int]]] = {
    "left": (0, 1),
    "center": (1, 1),
    "topleft": (0, 0),
    "top": (1, 0),
    "bottomleft": (0, 2),
    "bottom": (1, 2),
}
_TONEMAPPED_SIZE: Final = 8  # times the size of the result, which is scaled after the tone mapping


@dataclass(frozen=True, kw_only=True)
class DecodeRange:
    """The frames shown in [start, stop); None: unbounded. `count` frames are expected.

    Decoding starts at the keyframe at `seek`. All times are file timestamps in microseconds.
    """

    seek: int | None = None
    start: int | None = None
    stop: int | None = None
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class DecodeInput:
    """A local file, FFmpeg's demuxer for it, and the specifier of its video stream ("v:0", "i:0x2").

    `converted`: facts of video with a matrix that FFmpeg's scale filter does not support (YCgCo, ICtCp,
    constant luminance); the zscale filter converts it to RGB first. `tonemapped`: facts of HDR video that is
    compared with SDR and is tone-mapped; they name its transfer where its frames do not. `crop`: the part of
    the upright frame that is compared. `as_coded`: the display matrix is ignored, as it is for spherical
    video in two tracks. `chroma`: the location of the chroma samples of the upright frame; None: the center,
    which FFmpeg's scale filter takes for granted.
    """

    path: Path
    demuxer: str
    stream: str = "v:0"
    tonemapped: VideoFacts | None = None
    converted: VideoFacts | None = None
    crop: Crop | None = None
    as_coded: bool = False
    chroma: str | None = None


def upright_chroma(facts: VideoFacts) -> str | None:
    """The location of the chroma samples of a frame that FFmpeg has rotated, for `DecodeInput.chroma`.

    FFmpeg's rotation does not change the location that a frame states. None also if the location has no name:
    the right side.
    """
    if is_rgb(facts.pixel_format):
        return None
    x, y = _CHROMA_PLACES.get(facts.chroma_location, _CHROMA_PLACES["left"])
    x = 2 - x if facts.mirrored else x
    for _ in range(round(facts.rotation / 90) % 4):
        x, y = 2 - y, x
    return next((name for name, place in _CHROMA_PLACES.items() if place == (x, y)), None)


def decode_command(
    source: DecodeInput,
    ranges: Sequence[DecodeRange],
    shape: tuple[int, int],
    raws: Sequence[Path],
    lists: Sequence[Path],
    *,
    tools: Toolchain,
) -> tuple[str, ...]:
    """One FFmpeg command that writes the frames of each range to `raws` and their times to `lists`."""
    inputs: list[str] = []
    graphs: list[str] = []
    outputs: list[str] = []
    for at, (each, raw, listed) in enumerate(zip(ranges, raws, lists, strict=True)):
        # Where the size changes, the scale filter follows. A filter graph that FFmpeg reinitialises instead
        # sometimes loses the last frames before a trim's end.
        inputs += ["-threads", "1", "-max_error_rate", "1", "-reinit_filter", "0"]
        if each.seek is not None:
            inputs += ["-noaccurate_seek", "-seek_timestamp", "1", "-ss", _seconds(each.seek)]
        inputs += ["-noautorotate"] if source.as_coded else []
        inputs += ["-format_whitelist", _DEMUXERS, "-f", source.demuxer, "-an", "-sn", "-dn"]
        inputs += input_args(source.path)
        filters = ",".join(_filters(each, shape, source))
        graphs.append(f"[{at}:{source.stream}]{filters},split[a{at}][b{at}]")
        options = ("-fps_mode", "passthrough", "-enc_time_base", f"1:{SECOND_US}")
        limit = ("-frames:v", f"{each.count + _EXTRA_FRAMES}")
        outputs += ["-map", f"[a{at}]", *options, *limit, "-f", "framecrc", f"file:{listed}"]
        outputs += ["-map", f"[b{at}]", *options, *limit, "-f", "rawvideo", f"file:{raw}"]
    return (
        *(str(tools.ffmpeg), *FFMPEG_BASE, "-y", "-copyts"),
        *inputs,
        *("-filter_complex_threads", "1", "-filter_complex", ";".join(graphs)),
        *outputs,
    )


def _filters(wanted: DecodeRange, shape: tuple[int, int], source: DecodeInput) -> list[str]:
    tonemapped, converted, crop = source.tonemapped, source.converted, source.crop
    bounds = [f"start={_seconds(wanted.start)}"] if wanted.start is not None else []
    bounds += [f"end={_seconds(wanted.stop)}"] if wanted.stop is not None else []
    trim = [f"trim={':'.join(bounds)}"] if bounds else []
    # settb before trim, because trim rounds its bounds to ticks, and those of AVI and MXF are whole frames.
    # The sample aspect ratio of a scaled frame keeps its display aspect ratio; framecrc prints it.
    # FFmpeg has already rotated the frame here.
    shown = [f"crop={crop.width}:{crop.height}:{crop.left}:{crop.top}"] if crop else []
    filters = [f"settb=1/{SECOND_US}", *trim, *shown, "setsar=sar=sar:max=1000000"]
    filters += [
        *(_to_rgb(converted) if converted else ()),
        *(_tonemap(tonemapped, shape, _input_chroma(source)) if tonemapped else ()),
    ]
    chroma = _input_chroma(source) if tonemapped is None and converted is None else ""
    return [*filters, f"scale={shape[0]}:{shape[1]}:{_SCALE_FLAGS}{chroma}", "format=rgb24"]


def _input_chroma(source: DecodeInput) -> str:
    return f":in_chroma_loc={source.chroma}" if source.chroma else ""


def _to_rgb(facts: VideoFacts) -> tuple[str, ...]:
    wide = facts.hdr or facts.matrix == "bt2020c"
    primaries = facts.primaries if facts.primaries != "unknown" else "bt2020" if wide else "bt709"
    transfer = facts.transfer if facts.transfer != "unknown" else "bt709"
    value_range = "full" if facts.full_range else "limited"
    options = f"tin={transfer}:pin={primaries}:min={facts.matrix}:rin={value_range}"
    return (f"zscale={options}:m=gbr:r=full", "format=gbrp12le")


def _tonemap(facts: VideoFacts, shape: tuple[int, int], chroma: str) -> tuple[str, ...]:
    """The tone mapping that the pipeline promises, exactly and without its lookup table.

    It is applied at a reduced size, which saves time, and scaled further afterwards: the mean of tone-mapped
    pixels differs from the tone-mapped mean.
    """
    primaries = facts.primaries if facts.primaries != "unknown" else "bt2020"
    matrix = facts.matrix if facts.matrix != "unknown" else "bt2020nc"
    value_range = "full" if facts.full_range else "limited"
    deep = "format=yuv444p12le"
    if is_rgb(facts.pixel_format) or not is_supported_by_scale(facts):
        matrix, value_range, deep = "gbr", "full", "format=gbrp12le"
    options = f"tin={facts.transfer}:pin={primaries}:min={matrix}:rin={value_range}"
    width, height = (_TONEMAPPED_SIZE * side for side in shape)
    return (
        f"scale={width}:{height}:{_SCALE_FLAGS}{chroma}",
        deep,
        f"zscale={options}:t=linear:p=bt709:npl={_REFERENCE_WHITE}:agamma=0",
        "format=gbrpf32le",
        f"tonemap=mobius:param=0.5:desat=0:peak={_PEAK / _REFERENCE_WHITE:.3f}",
        "zscale=t=bt709:m=gbr:r=full",
        "format=gbrp12le",
    )


def _seconds(time_us: int) -> str:
    """Microseconds as a time argument of FFmpeg."""
    return f"{'-' if time_us < 0 else ''}{abs(time_us) // SECOND_US}.{abs(time_us) % SECOND_US:06d}"
