"""Single frames of a source for pictures: keyframes picked by time, read by range, decoded once, upright.

Only keyframes: each is a few hundred KB to read and one frame to decode, wherever in the file it lies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import InputError, ToolError
from eddyline.core.process import Limits, Runner
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video import colours, orientation
from eddyline.media.video.colours import ZSCALE_MATRICES, is_rgb, zscale_input
from eddyline.media.video.orientation import rotation_filters, swaps_dimensions
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation, build_presentation
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece
from eddyline.store.ranges import FileRanges

Ints = npt.NDArray[np.int64]

# Keyframe i of the small file is shown at i/25 s: its number can be read off every decoded frame.
_RATE = 25
_BASE_S, _FRAME_S = 60.0, 2.0
_TOGETHER = 8  # decoders at once: each holds some frames of the source's size
_PATIENT = ("-skip_frame", "nokey", "-max_error_rate", "1")
# JPEG is BT.601 at full range (JFIF 1.02), whatever the footage is.
_MATRICES = {"bt709": "bt709", "bt2020nc": "bt2020", "smpte240m": "smpte240m", "fcc": "fcc"}
_JPEG_COLOURS = "out_color_matrix=bt601:out_range=full"
_SMALL_LINES = 576  # untagged footage up to here is BT.601, above BT.709
_WHITE, _PEAK = 203, 1000  # cd/m2: reference white (ITU-R BT.2408), and what consumer HDR is graded to
_CRC_LINE = re.compile(r"^0,\s*-?\d+,\s*(-?\d+),", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Keyframes:
    """The shown keyframes of a video track: `sample` numbers and `times` in seconds, in order of time.

    `end` is when the last frame of the video ends, in seconds.
    """

    sample: Ints
    times: npt.NDArray[np.float64]
    end: float


def shown_keyframes(movie: Movie, track: Track, *, shown: Presentation | None = None) -> Keyframes:
    """The keyframes of a track; where an edit hides them all, the last one before the first shown frame."""
    shown = shown or build_presentation(movie, track)
    if not len(shown):
        raise InputError("the video shows no frame")
    key = np.flatnonzero(track.samples.sync[shown.sample])
    if len(key):
        samples, ticks = shown.sample[key], shown.pts[key]
    else:
        before = np.flatnonzero(track.samples.sync[: int(shown.sample[0]) + 1])
        samples, ticks = before[-1:].astype(np.int64), shown.pts[:1]
    if not len(samples):
        raise InputError("the video has no keyframe")
    return Keyframes(sample=samples, times=ticks / track.timescale, end=shown.end / track.timescale)


def nearest_keyframes(found: Keyframes, times: Sequence[float]) -> tuple[int, ...]:
    """For each time (s) the number of the keyframe nearest to it."""
    wanted = np.asarray(times, dtype=np.float64)
    after = np.clip(np.searchsorted(found.times, wanted), 1, max(1, len(found.times) - 1))
    after = np.minimum(after, len(found.times) - 1)
    before = np.maximum(after - 1, 0)
    closer = wanted - found.times[before] <= found.times[after] - wanted
    return tuple(int(number) for number in np.where(closer, before, after))


def write_keyframes(src: ByteRanges, track: Track, samples: Ints, out: Path) -> None:
    """Write these samples, keyframes all, as a local MP4 of 25 frames a second."""
    taken = track.samples
    one = OutputTrack(
        handler="vide",
        name="",
        timescale=_RATE,
        stsd=track.stsd,
        media_header=track.media_header,
        width=track.width,
        height=track.height,
        pieces=(Piece(source=src, offset=taken.offset[samples], size=taken.size[samples]),),
        duration=np.ones(len(samples), np.int64),
        description=taken.description[samples],
    )
    write_mp4(out, [one], timescale=_RATE)


def image_size(facts: VideoFacts, width: int) -> tuple[int, int]:
    """Width and height, even, of a picture at most `width` wide, in the display's aspect, never enlarged."""
    across = max(2, min(width, facts.display_width) // 2 * 2)
    down = Fraction(across * facts.display_height, max(1, facts.display_width))
    return across, max(2, round(down / 2) * 2)


def image_filters(facts: VideoFacts, width: int, height: int) -> tuple[str, ...]:
    """Filters from a decoded frame to `width` x `height`: progressive, square pixels, turned, SDR."""
    across, down = (height, width) if swaps_dimensions(facts) else (width, height)
    # Neighbours are not there to deinterlace with; one field is, and pictures are small.
    field = ("field=type=top",) if facts.interlaced else ()
    scaled = _tonemapped(facts, across, down) if facts.hdr else _scaled(facts, across, down)
    return (
        *field,
        *rotation_filters(facts),
        *scaled,
        "format=yuvj420p",
        *orientation.upright_filters(facts),
        "setsar=1",
    )


def decode_keyframes(
    path: Path,
    frames: int,
    facts: VideoFacts,
    shape: tuple[int, int],
    after: str,
    output: Sequence[str],
    *,
    tools: Toolchain,
    runner: Runner,
) -> tuple[int, ...]:
    """Decode a file of `write_keyframes`, upright and of `shape` (width, height), through `after`.

    Returns the numbers of the keyframes that are in the output, in order: a damaged one is missing. Raises
    `InputError` where there is none.
    """
    steps = ",".join(image_filters(facts, *shape))
    source = ("-flags:v", "+low_delay", *_PATIENT, "-noautorotate", *input_args(path))
    try:
        numbers = _run(source, steps, after, output, frames, tools=tools, runner=runner)
    except ToolError as error:
        if error.is_machine_fault:
            raise
        numbers = ()
    if numbers == tuple(range(frames)):
        return numbers
    # Keyframes of an H.264 open GOP number on from one to the next, and a decoder that finds the frames
    # between them missing drops or repeats some. Each by itself, in a decoder of its own, they are sound.
    raw = path.with_suffix(".yuv")
    sound = _one_by_one(path, steps, raw, tools=tools, runner=runner)
    if not sound:
        raise InputError("no keyframe of the video can be decoded")
    pixels = f"{shape[0]}x{shape[1]}"
    told = ("-f", "rawvideo", "-pixel_format", "yuvj420p", "-video_size", pixels, "-framerate", f"{_RATE}")
    _run((*told, *input_args(raw)), "null", after, output, len(sound), tools=tools, runner=runner)
    raw.unlink()
    return sound


def _run(
    source: Sequence[str],
    steps: str,
    after: str,
    output: Sequence[str],
    frames: int,
    *,
    tools: Toolchain,
    runner: Runner,
) -> tuple[int, ...]:
    graph = f"[0:v:0]{steps},split[told][picture];[picture]{after}[out]"
    argv = (
        *(str(tools.ffmpeg), *FFMPEG_BASE, *source, "-filter_complex", graph),
        *("-map", "[told]", "-fps_mode", "passthrough", "-f", "framecrc", "-"),
        *("-map", "[out]", "-fps_mode", "passthrough", "-fflags", "+bitexact", "-flags:v", "+bitexact"),
        *output,
    )
    limits = Limits(wall_s=_BASE_S + _FRAME_S * frames)
    said = runner.run(argv, limits=limits).stdout.decode("ascii", "replace")
    return tuple(int(number) for number in _CRC_LINE.findall(said))


def _one_by_one(path: Path, steps: str, raw: Path, *, tools: Toolchain, runner: Runner) -> tuple[int, ...]:
    """Decode each keyframe as a file of its own into `raw`; gives the numbers of those that are sound."""
    sound: list[int] = []
    with FileRanges(path) as source, raw.open("wb") as joined:
        track = read_movie(source).tracks[0]
        for first in range(0, len(track.samples), _TOGETHER):
            numbers = range(first, min(first + _TOGETHER, len(track.samples)))
            files = [path.with_name(f"{path.stem}-{number}.mp4") for number in numbers]
            for number, file in zip(numbers, files, strict=True):
                write_keyframes(source, track, np.asarray([number], np.int64), file)
            if not _drawn(files, steps, tools=tools, runner=runner):
                # One damaged file ends the command, maybe before the others are written: each by itself.
                for file in files:
                    _drawn([file], steps, tools=tools, runner=runner)
            for number, file in zip(numbers, files, strict=True):
                picture = file.with_suffix(".yuv")
                if picture.exists() and picture.stat().st_size:
                    joined.write(picture.read_bytes())
                    sound.append(number)
                picture.unlink(missing_ok=True)
                file.unlink()
    return tuple(sound)


def _drawn(files: Sequence[Path], steps: str, *, tools: Toolchain, runner: Runner) -> bool:
    """Decode the first frame of each file to raw pixels beside it; False if FFmpeg gave up on any."""
    inputs: list[str] = []
    outputs: list[str] = []
    for place, file in enumerate(files):
        inputs += ["-threads", "1", *_PATIENT, "-noautorotate", *input_args(file)]
        outputs += ["-map", f"{place}:v:0", "-vf", steps, "-frames:v", "1", "-f", "rawvideo"]
        outputs += ["-y", f"file:{file.with_suffix('.yuv')}"]
    argv = (str(tools.ffmpeg), *FFMPEG_BASE, *inputs, *outputs)
    try:
        runner.run(argv, limits=Limits(wall_s=_BASE_S + _FRAME_S * len(files)))
    except ToolError as error:
        if error.is_machine_fault:
            raise  # else its status says that an output is empty, as it may be
        return False
    return True


def _scaled(facts: VideoFacts, width: int, height: int) -> tuple[str, ...]:
    """From a decoded frame of standard dynamic range to JPEG's colours."""
    sized = f"scale={width}:{height}:flags=area+accurate_rnd"
    if is_rgb(facts.pixel_format):
        return (f"{sized}:{_JPEG_COLOURS}",)
    if facts.matrix in ZSCALE_MATRICES:
        ready = colours.scale_filters(facts, width, height, "yuv444p")
        return (*ready, f"{sized}:{_JPEG_COLOURS}")
    matrix = _MATRICES.get(facts.matrix) or _guessed(facts)
    reach = "full" if facts.full_range else "limited"
    return (f"{sized}:in_color_matrix={matrix}:in_range={reach}:{_JPEG_COLOURS}",)


def _guessed(facts: VideoFacts) -> str:
    tagged = facts.matrix in {"bt470bg", "smpte170m"}
    return "bt601" if tagged or min(facts.width, facts.height) <= _SMALL_LINES else "bt709"


def _tonemapped(facts: VideoFacts, width: int, height: int) -> tuple[str, ...]:
    return (
        f"zscale={width}:{height}:{zscale_input(facts)}:t=linear:npl={_WHITE}",
        "format=gbrpf32le",
        "zscale=p=bt709",
        f"tonemap=mobius:param=0.5:desat=0:peak={_PEAK / _WHITE:.3f}",
        "zscale=t=bt709:m=170m:r=full",
    )
