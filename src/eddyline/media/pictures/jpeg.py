"""Writes keyframes as JPEG files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eddyline.media.pictures.image_filters import image_size
from eddyline.media.pictures.stills import ImageSource, Keyframes, decode_keyframes, nearest_keyframes

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
    video: ImageSource, selected: tuple[int, ...], width: int, outs: Sequence[Path]
) -> tuple[ImageInfo, ...]:
    """Write the `selected` keyframes that can be decoded, in order, to the first of `outs`."""
    across, down = image_size(video.facts, width)
    file, directory = video.work / "images.mp4", video.work / "images"
    directory.mkdir(exist_ok=True)
    video.write_keyframes(selected, file)
    output = (*_JPEG, f"file:{directory}/%d.jpg")
    numbers = decode_keyframes(video, file, len(selected), (across, down), "null", output)
    images = []
    for place, number in enumerate(numbers, 1):
        path = (directory / f"{place}.jpg").replace(outs[place - 1])
        time_s = round(float(video.keyframes.times[selected[number]]), 6)
        images.append(
            ImageInfo(path=path, width=across, height=down, bytes=path.stat().st_size, time_s=time_s)
        )
    file.unlink()
    return tuple(images)
