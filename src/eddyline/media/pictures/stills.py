"""Decodes keyframes upright, each once, for posters, thumbnails and storyboards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eddyline.core.errors import InputError, ToolError
from eddyline.core.processes.runner import Limits
from eddyline.media.pictures.image_filters import image_filters
from eddyline.media.pictures.keyframes import (
    BASE_S,
    ERROR_TOLERANT,
    FRAME_S,
    RATE,
    ImageSource,
    write_keyframes,
)
from eddyline.media.toolchain import FFMPEG_BASE, input_args
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

_MAX_DECODERS = 8  # at once, because each holds some frames of the source's size
_MAX_PIXELS = 3 * 4096 * 2304  # of the frames that one command decodes at once
_FRAMECRC = re.compile(r"^(\d+),\s*-?\d+,\s*(-?\d+),", re.MULTILINE)


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
    form = ("-f", "rawvideo", "-pixel_format", "yuvj420p", "-video_size", size, "-framerate", f"{RATE}")
    _run(video, [((*form, *input_args(raw)), "null", replace(images, frames=len(decoded)))])
    raw.unlink()
    return decoded


def _keyframe_source(images: ImageSet) -> tuple[str, ...]:
    return ("-flags:v", "+low_delay", *ERROR_TOLERANT, "-noautorotate", *input_args(images.path))


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
    limits = Limits(wall_s=BASE_S + FRAME_S * sum(images.frames for _, _, images in sets))
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
        inputs += ["-threads", "1", *ERROR_TOLERANT, "-noautorotate", *input_args(file)]
        outputs += ["-map", f"{place}:v:0", "-vf", filters, "-frames:v", "1", "-f", "rawvideo"]
        outputs += ["-y", f"file:{file.with_suffix('.yuv')}"]
    argv = (str(video.tools.ffmpeg), *FFMPEG_BASE, *inputs, *outputs)
    try:
        video.runner.run(argv, limits=Limits(wall_s=BASE_S + FRAME_S * len(files)))
    except ToolError as error:
        if error.is_machine_fault:
            raise
        return False  # its exit status reports an empty output, which is expected of a damaged keyframe
    return True
