"""Keyframe images: selects keyframes by time, reads them by range, and decodes each once, upright.

Only keyframes are used: each needs a read of a few hundred KB and one decoded frame, wherever it is in the
file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import InputError, ToolError
from eddyline.core.process import Limits, Runner
from eddyline.media.pictures.image_filters import image_filters
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece
from eddyline.store.ranges import FileRanges

# Keyframe i of the keyframe file is shown at i/25 s, so the time of a decoded frame tells its number.
_RATE = 25
_BASE_S, _FRAME_S = 60.0, 2.0
_MAX_DECODERS = 8  # at once, because each holds some frames of the source's size
_ERROR_TOLERANT = ("-skip_frame", "nokey", "-max_error_rate", "1")
_FRAMECRC = re.compile(r"^0,\s*-?\d+,\s*(-?\d+),", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Keyframes:
    """The shown keyframes of a video track: `sample` numbers and `times` in seconds, in order of time.

    `end` is when the last frame of the video ends, in seconds.
    """

    sample: Ints
    times: npt.NDArray[np.float64]
    end: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageSource:
    """A video to take images from, and the programs that decode it.

    `shown` is the presentation of `track`; `work` is a directory for temporary files.
    """

    src: ByteRanges
    track: Track
    facts: VideoFacts
    shown: Presentation
    tools: Toolchain
    runner: Runner
    work: Path

    @cached_property
    def keyframes(self) -> Keyframes:
        """The shown keyframes. Raises `InputError` if there is none."""
        return shown_keyframes(self.track, self.shown)

    def write_keyframes(self, numbers: Sequence[int], out: Path) -> None:
        """Write these keyframes as a local MP4 with 25 frames per second."""
        write_keyframes(self.src, self.track, self.keyframes.sample[list(numbers)], out)


def shown_keyframes(track: Track, shown: Presentation) -> Keyframes:
    """The shown keyframes of a track; if an edit hides them all, the last one before the first shown frame.

    Raises `InputError` if there is none.
    """
    if not len(shown):
        raise InputError("the video has no shown frame")
    key = np.flatnonzero(track.samples.sync[shown.sample])
    if len(key):
        samples, ticks = shown.sample[key], shown.pts[key]
    else:
        before = np.flatnonzero(track.samples.sync[: int(shown.sample[0]) + 1])
        samples, ticks = before[-1:].astype(np.int64), shown.pts[:1]
    if not len(samples):
        raise InputError("the video has no keyframe")
    return Keyframes(sample=samples, times=ticks / track.timescale, end=shown.end / track.timescale)


def nearest_keyframes(keyframes: Keyframes, times: Sequence[float]) -> tuple[int, ...]:
    """For each time (s), the number of the nearest keyframe."""
    wanted = np.asarray(times, dtype=np.float64)
    after = np.clip(np.searchsorted(keyframes.times, wanted), 1, max(1, len(keyframes.times) - 1))
    after = np.minimum(after, len(keyframes.times) - 1)
    before = np.maximum(after - 1, 0)
    is_before = wanted - keyframes.times[before] <= keyframes.times[after] - wanted
    return tuple(int(number) for number in np.where(is_before, before, after))


def write_keyframes(src: ByteRanges, track: Track, samples: Ints, out: Path) -> None:
    """Write these keyframe samples as a local MP4 with 25 frames per second."""
    table = track.samples
    output = OutputTrack(
        handler="vide",
        name="",
        timescale=_RATE,
        stsd=track.stsd,
        media_header=track.media_header,
        width=track.width,
        height=track.height,
        pieces=(Piece(source=src, offset=table.offset[samples], size=table.size[samples]),),
        duration=np.ones(len(samples), np.int64),
        description=table.description[samples],
    )
    write_mp4(out, [output], timescale=_RATE)


def decode_keyframes(
    video: ImageSource,
    path: Path,
    frames: int,
    shape: tuple[int, int],
    output_filter: str,
    output: Sequence[str],
) -> tuple[int, ...]:
    """Decode a file of `write_keyframes` to upright images of `shape` (width, height) and write `output`.

    Returns the numbers of the keyframes in the output, in order; damaged ones are missing. Raises
    `InputError` if none can be decoded.
    """
    filters = ",".join(image_filters(video.facts, *shape))
    source = ("-flags:v", "+low_delay", *_ERROR_TOLERANT, "-noautorotate", *input_args(path))
    try:
        numbers = _run(video, source, filters, output_filter, output, frames)
    except ToolError as error:
        if error.is_machine_fault:
            raise
        numbers = ()
    if numbers == tuple(range(frames)):
        return numbers
    # The frame numbers of keyframes in an H.264 open GOP are consecutive, and a decoder that misses the
    # frames between them drops or repeats some. Each decodes correctly in a separate decoder.
    raw = path.with_suffix(".yuv")
    decoded = _decode_separately(video, path, filters, raw)
    if not decoded:
        raise InputError("no keyframe of the video can be decoded")
    size = f"{shape[0]}x{shape[1]}"
    form = ("-f", "rawvideo", "-pixel_format", "yuvj420p", "-video_size", size, "-framerate", f"{_RATE}")
    source = (*form, *input_args(raw))
    _run(video, source, "null", output_filter, output, len(decoded))
    raw.unlink()
    return decoded


def _run(
    video: ImageSource,
    source: Sequence[str],
    filters: str,
    output_filter: str,
    output: Sequence[str],
    frames: int,
) -> tuple[int, ...]:
    graph = f"[0:v:0]{filters},split[crc][image];[image]{output_filter}[out]"
    argv = (
        *(str(video.tools.ffmpeg), *FFMPEG_BASE, *source, "-filter_complex", graph),
        *("-map", "[crc]", "-fps_mode", "passthrough", "-f", "framecrc", "-"),
        *("-map", "[out]", "-fps_mode", "passthrough", "-fflags", "+bitexact", "-flags:v", "+bitexact"),
        *output,
    )
    limits = Limits(wall_s=_BASE_S + _FRAME_S * frames)
    stdout = video.runner.run(argv, limits=limits).stdout.decode("ascii", "replace")
    return tuple(int(number) for number in _FRAMECRC.findall(stdout))


def _decode_separately(video: ImageSource, path: Path, filters: str, raw: Path) -> tuple[int, ...]:
    """Decode each keyframe from a separate file to `raw`; return the numbers of those that decode."""
    decoded: list[int] = []
    with FileRanges(path) as source, raw.open("wb") as joined:
        track = read_movie(source).tracks[0]
        for start in range(0, len(track.samples), _MAX_DECODERS):
            numbers = range(start, min(start + _MAX_DECODERS, len(track.samples)))
            files = [path.with_name(f"{path.stem}-{number}.mp4") for number in numbers]
            for number, file in zip(numbers, files, strict=True):
                write_keyframes(source, track, np.asarray([number], np.int64), file)
            if not _decode_files(video, files, filters):
                # A damaged file ends the command, possibly before the other outputs are written.
                for file in files:
                    _decode_files(video, [file], filters)
            for number, file in zip(numbers, files, strict=True):
                image = file.with_suffix(".yuv")
                if image.exists() and image.stat().st_size:
                    joined.write(image.read_bytes())
                    decoded.append(number)
                image.unlink(missing_ok=True)
                file.unlink()
    return tuple(decoded)


def _decode_files(video: ImageSource, files: Sequence[Path], filters: str) -> bool:
    """Decode the first frame of each file to a raw file beside it; False if FFmpeg fails."""
    inputs: list[str] = []
    outputs: list[str] = []
    for place, file in enumerate(files):
        inputs += ["-threads", "1", *_ERROR_TOLERANT, "-noautorotate", *input_args(file)]
        outputs += ["-map", f"{place}:v:0", "-vf", filters, "-frames:v", "1", "-f", "rawvideo"]
        outputs += ["-y", f"file:{file.with_suffix('.yuv')}"]
    argv = (str(video.tools.ffmpeg), *FFMPEG_BASE, *inputs, *outputs)
    try:
        video.runner.run(argv, limits=Limits(wall_s=_BASE_S + _FRAME_S * len(files)))
    except ToolError as error:
        if error.is_machine_fault:
            raise
        return False  # its exit status reports an empty output, which is expected of a damaged keyframe
    return True
