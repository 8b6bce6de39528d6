"""Small RGB pictures of a few frames of a file, as a plain FFmpeg command shows them.

FFmpeg's own demuxer, times, rotation, cropping, aspect and colour conversion, and none of the pipeline's
index, slices or filters: what the proof compares must not be read by the code that is to be proven.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import ToolError
from eddyline.core.process import Limits, Runner
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video.colours import is_rgb, is_supported_by_scale

RgbImage = npt.NDArray[np.uint8]

SECOND_US: Final = 1_000_000
"""Ticks a second of all times here."""
_LONG_SIDE: Final = 64
_DEMUXERS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,flv,ogg,mxf,asf"
_TOGETHER: Final = 4  # inputs of one command, each with a decoder that holds some frames
_PIXELS_TOGETHER: Final = 12_000_000  # of a frame of each of them
_MORE_FRAMES: Final = 8  # than expected that are read of a span, so that a frame too many is seen
_BASE_S, _SPAN_S = 60.0, 120.0
_MEMORY, _MEMORY_PIXEL = 3 * 1024**3, 300
_FLAGS: Final = "flags=area+accurate_rnd+full_chroma_int+bitexact"
_WHITE: Final = 203  # cd/m2, reference white of HDR (ITU-R BT.2408)
_SAR = re.compile(r"^#sar 0: (\d+)/(\d+)", re.MULTILINE)
_FRAME = re.compile(r"^0,\s*-?\d+,\s*(-?\d+),\s*(\d+),", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class DecodeRange:
    """Frames shown in [start, stop) are wanted, None: without bound; `count` of them are expected.

    Decoding starts at the keyframe `seek`. All times in microseconds, as the file's own timestamps say.
    """

    seek: int | None = None
    start: int | None = None
    stop: int | None = None
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class DecodedFrame:
    """One frame: when it is shown and how long (microseconds), and uint8[height, width, 3]."""

    time: int
    duration: int
    rgb: RgbImage


@dataclass(frozen=True, kw_only=True)
class DecodedRange:
    """What one span shows, in order, and the display aspect of its frames (width over height)."""

    aspect: Fraction
    shots: tuple[DecodedFrame, ...]


@dataclass(frozen=True, kw_only=True)
class DecodeInput:
    """A local file to be read: FFmpeg's demuxer for it, and its video stream as a specifier ("v:0", "i:0x2").

    `converted`: video of a matrix that FFmpeg's scale filter does not know (YCgCo, ICtCp, constant luminance)
    becomes RGB by its zscale filter first. `tonemapped`: HDR that is to be compared with SDR goes through
    FFmpeg's usual tone mapping; the facts name its transfer where its frames do not.
    """

    path: Path
    demuxer: str
    stream: str = "v:0"
    tonemapped: VideoFacts | None = None
    converted: VideoFacts | None = None


def sample_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the canvas of frames displayed at `width` x `height`: its long side is 64."""
    longer = max(width, height)
    across, down = (max(8, round(_LONG_SIDE * side / longer / 2) * 2) for side in (width, height))
    return across, down


def decode_ranges(
    plain: DecodeInput,
    spans: Sequence[DecodeRange],
    shape: tuple[int, int],
    *,
    pixels: int,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> tuple[DecodedRange | None, ...]:
    """What each span shows, scaled to `shape` (width, height); None where FFmpeg shows nothing.

    `pixels` are those of a frame as coded, for the limits on memory. Raises `ToolError` where FFmpeg was
    killed or ran too long, `Interrupted`, `TransientError`.
    """
    together = min(max(_PIXELS_TOGETHER // max(pixels, 1), 1), _TOGETHER)
    found: list[DecodedRange | None] = []
    for first in range(0, len(spans), together):
        group = spans[first : first + together]
        try:
            found += _read(plain, group, shape, pixels, tools=tools, runner=runner, work=work)
        except ToolError as error:
            if error.is_machine_fault:
                raise
            # A span that shows nothing ends the command, maybe before the others are written.
            found += [
                _alone(plain, span, shape, pixels, tools=tools, runner=runner, work=work) for span in group
            ]
    return tuple(found)


def _alone(
    plain: DecodeInput,
    span: DecodeRange,
    shape: tuple[int, int],
    pixels: int,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> DecodedRange | None:
    try:
        return _read(plain, [span], shape, pixels, tools=tools, runner=runner, work=work)[0]
    except ToolError as error:
        if error.is_machine_fault:
            raise
        return None


def _read(
    plain: DecodeInput,
    spans: Sequence[DecodeRange],
    shape: tuple[int, int],
    pixels: int,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> list[DecodedRange | None]:
    raws = [work / f"canvas-{at}.rgb" for at in range(len(spans))]
    lists = [work / f"canvas-{at}.txt" for at in range(len(spans))]
    argv = decode_command(plain, spans, shape, raws, lists, tools=tools)
    limits = Limits(
        wall_s=_BASE_S + _SPAN_S * len(spans), memory=_MEMORY + len(spans) * _MEMORY_PIXEL * pixels
    )
    try:
        runner.run(argv, limits=limits)
        return [_shots(raw, listed, shape) for raw, listed in zip(raws, lists, strict=True)]
    finally:
        for path in (*raws, *lists):
            path.unlink(missing_ok=True)


def decode_command(
    plain: DecodeInput,
    spans: Sequence[DecodeRange],
    shape: tuple[int, int],
    raws: Sequence[Path],
    lists: Sequence[Path],
    *,
    tools: Toolchain,
) -> tuple[str, ...]:
    """One FFmpeg command that writes each span's canvases and the list of their times."""
    inputs: list[str] = []
    graphs: list[str] = []
    outputs: list[str] = []
    for at, (span, raw, listed) in enumerate(zip(spans, raws, lists, strict=True)):
        seek = (
            ()
            if span.seek is None
            else ("-noaccurate_seek", "-seek_timestamp", "1", "-ss", _seconds(span.seek))
        )
        # Where the size changes, the scale filter follows. A graph that is configured again instead sometimes
        # loses the last frames before a trim's end.
        inputs += [*("-threads", "1", "-max_error_rate", "1", "-reinit_filter", "0"), *seek]
        inputs += [*("-format_whitelist", _DEMUXERS, "-f", plain.demuxer, "-an", "-sn", "-dn")]
        inputs += input_args(plain.path)
        steps = ",".join(_steps(span, shape, plain.tonemapped, plain.converted))
        graphs.append(f"[{at}:{plain.stream}]{steps},split[a{at}][b{at}]")
        often = (
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            f"1:{SECOND_US}",
            "-frames:v",
            f"{span.count + _MORE_FRAMES}",
        )
        outputs += ["-map", f"[a{at}]", *often, "-f", "framecrc", f"file:{listed}"]
        outputs += ["-map", f"[b{at}]", *often, "-f", "rawvideo", f"file:{raw}"]
    return (
        *(str(tools.ffmpeg), *FFMPEG_BASE, "-y", "-copyts"),
        *inputs,
        *("-filter_complex_threads", "1", "-filter_complex", ";".join(graphs)),
        *outputs,
    )


def _steps(
    span: DecodeRange, shape: tuple[int, int], tonemapped: VideoFacts | None, converted: VideoFacts | None
) -> list[str]:
    bounds = [f"start={_seconds(span.start)}"] if span.start is not None else []
    bounds += [f"end={_seconds(span.stop)}"] if span.stop is not None else []
    trimmed = [f"trim={':'.join(bounds)}"] if bounds else []
    # In microseconds before the trim, which rounds its bounds to ticks: AVI's or MXF's are whole frames.
    # A scaled frame's sample aspect is such that its display aspect stays: framecrc prints it.
    scaled = f"scale={shape[0]}:{shape[1]}:{_FLAGS}"
    steps = [f"settb=1/{SECOND_US}", *trimmed, "setsar=sar=sar:max=1000000"]
    steps += [*(_to_rgb(converted) if converted else ()), scaled]
    return [*steps, *(_tonemapping(tonemapped) if tonemapped else ()), "format=rgb24"]


def _to_rgb(facts: VideoFacts) -> tuple[str, ...]:
    wide = facts.hdr or facts.matrix == "bt2020c"
    primaries = facts.primaries if facts.primaries != "unknown" else "bt2020" if wide else "bt709"
    transfer = facts.transfer if facts.transfer != "unknown" else "bt709"
    reach = "full" if facts.full_range else "limited"
    said = f"tin={transfer}:pin={primaries}:min={facts.matrix}:rin={reach}"
    return (f"zscale={said}:m=gbr:r=full", "format=gbrp12le")


def _tonemapping(facts: VideoFacts) -> tuple[str, ...]:
    """FFmpeg's usual chain from PQ or HLG to BT.709."""
    primaries = facts.primaries if facts.primaries != "unknown" else "bt2020"
    matrix = facts.matrix if facts.matrix != "unknown" else "bt2020nc"
    reach = "full" if facts.full_range else "limited"
    deep = "format=yuv444p12le"
    if is_rgb(facts.pixel_format) or not is_supported_by_scale(facts):
        matrix, reach, deep = "gbr", "full", "format=gbrp12le"
    return (
        deep,
        f"zscale=tin={facts.transfer}:pin={primaries}:min={matrix}:rin={reach}:t=linear:npl={_WHITE}",
        "format=gbrpf32le",
        "zscale=p=bt709",
        "tonemap=mobius:desat=0",
        "zscale=t=bt709:m=bt709:r=limited",
        "format=yuv444p",
    )


def _shots(raw: Path, listed: Path, shape: tuple[int, int]) -> DecodedRange | None:
    text = listed.read_text("ascii", "replace")
    frames = _FRAME.findall(text)
    size = shape[0] * shape[1] * 3
    data = np.fromfile(raw, np.uint8)
    count = min(len(frames), len(data) // size)
    if not count:
        return None
    pictures = data[: count * size].reshape(count, shape[1], shape[0], 3)
    told = _SAR.search(text)
    sar = Fraction(int(told[1]), int(told[2])) if told and int(told[1]) and int(told[2]) else Fraction(1)
    return DecodedRange(
        aspect=sar * shape[0] / shape[1],
        shots=tuple(
            DecodedFrame(time=int(time), duration=int(duration), rgb=picture)
            for (time, duration), picture in zip(frames[:count], pictures, strict=True)
        ),
    )


def encode_png(sample_size: RgbImage) -> bytes:
    """The canvas as a PNG file (ISO/IEC 15948): 8 bits, RGB, no filter."""
    height, width = sample_size.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(sample_size))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _seconds(time: int) -> str:
    """Microseconds as FFmpeg takes them."""
    return f"{'-' if time < 0 else ''}{abs(time) // SECOND_US}.{abs(time) % SECOND_US:06d}"
