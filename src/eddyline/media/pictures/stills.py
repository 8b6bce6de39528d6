"""Keyframe images: selects keyframes by time, reads them by range, and decodes each once, upright.

Only keyframes are used: each needs a read of a few hundred KB and one decoded frame, wherever it is in the
file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import InputError, ToolError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.pictures.image_filters import image_filters
from eddyline.media.source.eac_pair import SecondTrack
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video.sphere_filters import sphere_chains
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
_PROJECTION_S = 120.0  # to build the tables of the largest projection
_MAX_DECODERS = 8  # at once, because each holds some frames of the source's size
_ERROR_TOLERANT = ("-skip_frame", "nokey", "-max_error_rate", "1")
_MAX_PIXELS = 3 * 4096 * 2304  # of the frames that one command decodes at once
_FRAMECRC = re.compile(r"^(\d+),\s*-?\d+,\s*(-?\d+),", re.MULTILINE)


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

    `shown` is the presentation of `track`, `second` the other track of a pair (`eac_pair`); `work` is a
    directory for temporary files.
    """

    src: ByteRanges
    track: Track
    facts: VideoFacts
    shown: Presentation
    tools: Toolchain
    runner: Runner
    work: Path
    second: SecondTrack | None = None

    @cached_property
    def keyframes(self) -> Keyframes:
        """The shown keyframes; of a pair, those of both tracks. Raises `InputError` if there is none."""
        found = shown_keyframes(self.track, self.shown)
        return found if self.second is None else _common_keyframes(found, self.shown, self.second)

    def write_keyframes(self, numbers: Sequence[int], shape: tuple[int, int], out: Path) -> None:
        """Write these keyframes as a local MP4 with 25 frames per second.

        Spherical video is projected first, and encoded losslessly in twice the size of images of `shape`.
        """
        samples = self.keyframes.sample[list(numbers)]
        if self.facts.sphere is None:
            write_keyframes(self.src, self.track, samples, out)
            return
        tracks = [(self.track, samples)]
        if self.second is not None:
            tracks.append((self.second.track, self.second.shown.sample[_frames_of(self.shown, samples)]))
        _write_projected(self, tracks, (2 * shape[0], 2 * shape[1]), out)


def _common_keyframes(found: Keyframes, shown: Presentation, second: SecondTrack) -> Keyframes:
    """The keyframes that are keyframes of the second track as well, so that each decodes alone."""
    both = np.isin(found.sample, shown.sample)
    both[both] = second.track.samples.sync[second.shown.sample[_frames_of(shown, found.sample[both])]]
    if not both.any():
        raise InputError("the two tracks of the video have no common keyframe")
    return replace(found, sample=found.sample[both], times=found.times[both])


def _frames_of(shown: Presentation, samples: Ints) -> Ints:
    """The frame numbers of shown samples."""
    order = np.argsort(shown.sample)
    frames: Ints = order[np.searchsorted(shown.sample, samples, sorter=order)]
    return frames


def _write_projected(
    video: ImageSource, tracks: Sequence[tuple[Track, Ints]], size: tuple[int, int], out: Path
) -> None:
    """Decode keyframes, project them, and write them losslessly as keyframes of `out`."""
    files = [out.with_name(f"{out.stem}-track{number}.mp4") for number in range(len(tracks))]
    inputs: list[str] = []
    for file, (track, samples) in zip(files, tracks, strict=True):
        write_keyframes(video.src, track, samples, file)
        inputs += ["-threads", "1", "-flags:v", "+low_delay", *_ERROR_TOLERANT, "-noautorotate"]
        inputs += input_args(file)
    labels = [f"decoded{number}" for number in range(len(tracks))]
    # Frames are paired by number, so that one that is missing in a track shows in their number.
    numbered = [f"[{number}:v:0]setpts=N[{label}]" for number, label in enumerate(labels)]
    graph = ";".join([*numbered, *sphere_chains(video.facts, size, sources=labels, out="sphere")])
    count = len(tracks[0][1])
    argv = (
        *(str(video.tools.ffmpeg), *FFMPEG_BASE, "-y", *inputs, "-filter_complex", graph, "-map", "[sphere]"),
        *("-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-g", "1"),
        *("-video_track_timescale", str(_RATE), "-f", "mp4", f"file:{out}"),
    )
    video.runner.run(argv, limits=Limits(wall_s=_BASE_S + _PROJECTION_S + 2 * _FRAME_S * count))
    for file in files:
        file.unlink()
    with FileRanges(out) as source:
        written = len(read_movie(source).tracks[0].samples)
    if written != count:
        raise InputError(
            f"{count - written} of {count} keyframes cannot be decoded from both tracks of the video",
            remedy="check the original in GoPro Player, or copy it from the card again",
            reason="damaged-frames",
        )


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


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Images to decode from a file of `write_keyframes` with `frames` keyframes.

    They are upright, of `shape` (width, height), and pass `output_filter`, a filter graph from one unnamed
    input to one unnamed output. `output` are the FFmpeg arguments of the file that receives them; arguments
    of further files may follow, which map named outputs of the graph.
    """

    path: Path
    frames: int
    shape: tuple[int, int]
    output_filter: str
    output: Sequence[str]


def decode_image_sets(video: ImageSource, sets: Sequence[ImageSet]) -> tuple[tuple[int, ...], ...]:
    """Decode each set to its output, all with one command if they are not damaged.

    Returns for each the numbers of the keyframes in the output, in order; damaged ones are missing, and all
    of them where none can be decoded.
    """
    if len(sets) > 1 and len(sets) * video.facts.width * video.facts.height <= _MAX_PIXELS:
        try:
            found = _run(video, [(_keyframe_source(each), _filters(video, each), each) for each in sets])
        except ToolError as error:
            if error.is_machine_fault:
                raise
        else:
            if all(numbers == tuple(range(each.frames)) for numbers, each in zip(found, sets, strict=True)):
                return found
    return tuple(_decode_or_none(video, each) for each in sets)


def _decode_or_none(video: ImageSource, images: ImageSet) -> tuple[int, ...]:
    try:
        return decode_keyframes(video, images)
    except InputError:
        return ()


def decode_keyframes(video: ImageSource, images: ImageSet) -> tuple[int, ...]:
    """Decode one set; returns the numbers of the keyframes in its output, in order, without damaged ones.

    Raises `InputError` if none can be decoded.
    """
    filters = _filters(video, images)
    try:
        (numbers,) = _run(video, [(_keyframe_source(images), filters, images)])
    except ToolError as error:
        if error.is_machine_fault:
            raise
        numbers = ()
    if numbers == tuple(range(images.frames)):
        return numbers
    # The frame numbers of keyframes in an H.264 open GOP are consecutive, and a decoder that misses the
    # frames between them drops or repeats some. Each decodes correctly in a separate decoder.
    raw = images.path.with_suffix(".yuv")
    decoded = _decode_separately(video, images.path, filters, raw)
    if not decoded:
        raise InputError("no keyframe of the video can be decoded")
    size = f"{images.shape[0]}x{images.shape[1]}"
    form = ("-f", "rawvideo", "-pixel_format", "yuvj420p", "-video_size", size, "-framerate", f"{_RATE}")
    _run(video, [((*form, *input_args(raw)), "null", replace(images, frames=len(decoded)))])
    raw.unlink()
    return decoded


def _keyframe_source(images: ImageSet) -> tuple[str, ...]:
    return ("-flags:v", "+low_delay", *_ERROR_TOLERANT, "-noautorotate", *input_args(images.path))


def _filters(video: ImageSource, images: ImageSet) -> str:
    return ",".join(image_filters(video.facts, *images.shape))


def _run(
    video: ImageSource, sets: Sequence[tuple[Sequence[str], str, ImageSet]]
) -> tuple[tuple[int, ...], ...]:
    """Run one command for sets with their input arguments and filters; the numbers of each set's frames."""
    inputs: list[str] = []
    graphs, checksums, outputs = [], [], []
    for place, (source, filters, images) in enumerate(sets):
        inputs += source
        graphs.append(
            f"[{place}:v:0]{filters},split[crc{place}][image{place}];"
            f"[image{place}]{images.output_filter}[out{place}]"
        )
        checksums += ["-map", f"[crc{place}]"]
        outputs += ["-map", f"[out{place}]", "-fps_mode", "passthrough"]
        outputs += ["-fflags", "+bitexact", "-flags:v", "+bitexact", *images.output]
    argv = (
        *(str(video.tools.ffmpeg), *FFMPEG_BASE, *inputs, "-filter_complex", ";".join(graphs)),
        *(*checksums, "-fps_mode", "passthrough", "-f", "framecrc", "-", *outputs),
    )
    limits = Limits(wall_s=_BASE_S + _FRAME_S * sum(images.frames for _, _, images in sets))
    stdout = video.runner.run(argv, limits=limits).stdout.decode("ascii", "replace")
    numbers: list[list[int]] = [[] for _ in sets]
    for place, number in _FRAMECRC.findall(stdout):
        numbers[int(place)].append(int(number))
    return tuple(tuple(each) for each in numbers)


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
