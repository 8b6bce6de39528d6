"""Writes keyframes as JPEG files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eddyline.media.pictures.image_filters import image_size
from eddyline.media.pictures.keyframes import ImageSource, Keyframes, nearest_keyframes
from eddyline.media.pictures.stills import ImageSet, decode_keyframes

JPEG_OUTPUT = ("-c:v", "mjpeg", "-q:v", "3", "-threads", "1", "-f", "image2", "-y")


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


@dataclass(frozen=True, kw_only=True)
class PlannedJpegs:
    """Keyframes to write as JPEG files: `images` is to be decoded, then `finish` called with its result."""

    video: ImageSource
    selected: tuple[int, ...]
    outs: tuple[Path, ...]
    images: ImageSet
    directory: Path

    def finish(self, numbers: Sequence[int]) -> tuple[ImageInfo, ...]:
        """Move the files of the keyframes `numbers`, in order, to the first of `outs`."""
        across, down = self.images.shape
        written = []
        for place, number in enumerate(numbers, 1):
            path = (self.directory / f"{place}.jpg").replace(self.outs[place - 1])
            time_s = round(float(self.video.keyframes.times[self.selected[number]]), 6)
            written.append(
                ImageInfo(path=path, width=across, height=down, bytes=path.stat().st_size, time_s=time_s)
            )
        self.images.path.unlink()
        return tuple(written)


def plan_jpegs(
    video: ImageSource, selected: tuple[int, ...], width: int, outs: Sequence[Path], *, name: str = "images"
) -> PlannedJpegs:
    """Plan JPEG files, at most `width` wide, of the `selected` keyframes that can be decoded.

    `name` is that of a file and a directory in the work directory.
    """
    file, directory = video.work / f"{name}.mp4", video.work / name
    directory.mkdir(exist_ok=True)
    shape = image_size(video.facts, width)
    video.write_keyframes(selected, shape, file)
    images = ImageSet(
        path=file,
        frames=len(selected),
        shape=shape,
        output_filter="null",
        output=(*JPEG_OUTPUT, f"file:{directory}/%d.jpg"),
    )
    return PlannedJpegs(video=video, selected=selected, outs=tuple(outs), images=images, directory=directory)


def write_jpegs(
    video: ImageSource, selected: tuple[int, ...], width: int, outs: Sequence[Path]
) -> tuple[ImageInfo, ...]:
    """Write the `selected` keyframes that can be decoded, in order, to the first of `outs`.

    Raises `InputError` if none can be decoded.
    """
    planned = plan_jpegs(video, selected, width, outs)
    return planned.finish(decode_keyframes(video, planned.images))
