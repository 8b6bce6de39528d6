"""Writes keyframes as JPEG files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.process import Runner
from eddyline.media.pictures.image_filters import image_size
from eddyline.media.pictures.stills import Keyframes, decode_keyframes, nearest_keyframes, write_keyframes
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Track

_JPEG = ("-c:v", "mjpeg", "-q:v", "3", "-threads", "1", "-f", "image2", "-y")


@dataclass(frozen=True, kw_only=True)
class ImageInfo:
    """An image file: its size in pixels and bytes, and the time of its frame in seconds."""

    path: Path
    width: int
    height: int
    bytes: int
    time_s: float


def spread_keyframes(keyframes: Keyframes, count: int) -> tuple[int, ...]:
    """The keyframes nearest to the middles of `count` equal parts of the video, without duplicates."""
    start = float(keyframes.times[0])
    step = (keyframes.end - start) / count
    wanted = [start + (part + 0.5) * step for part in range(count)]
    return tuple(sorted(set(nearest_keyframes(keyframes, wanted))))


def write_jpegs(
    src: ByteRanges,
    track: Track,
    facts: VideoFacts,
    keyframes: Keyframes,
    selected: tuple[int, ...],
    width: int,
    outs: Sequence[Path],
    work: Path,
    *,
    tools: Toolchain,
    runner: Runner,
) -> tuple[ImageInfo, ...]:
    """Write the `selected` keyframes that can be decoded, in order, to the first of `outs`."""
    across, down = image_size(facts, width)
    file, directory = work / "images.mp4", work / "images"
    directory.mkdir(exist_ok=True)
    write_keyframes(src, track, keyframes.sample[list(selected)], file)
    output = (*_JPEG, f"file:{directory}/%d.jpg")
    numbers = decode_keyframes(
        file, len(selected), facts, (across, down), "null", output, tools=tools, runner=runner
    )
    images = []
    for place, number in enumerate(numbers, 1):
        path = (directory / f"{place}.jpg").replace(outs[place - 1])
        time_s = round(float(keyframes.times[selected[number]]), 6)
        images.append(
            ImageInfo(path=path, width=across, height=down, bytes=path.stat().st_size, time_s=time_s)
        )
    file.unlink()
    return tuple(images)
