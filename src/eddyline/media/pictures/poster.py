"""Poster and thumbnails, from keyframes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import InputError
from eddyline.core.files import translate_errors
from eddyline.core.process import Runner
from eddyline.media.pictures.stills import (
    Keyframes,
    decode_keyframes,
    image_size,
    nearest_keyframes,
    shown_keyframes,
    write_keyframes,
)
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation

Grey = npt.NDArray[np.uint8]

_CANDIDATES = 16
_SCORED_WIDTH = 192  # pixels: enough to tell sharp from blurred, and 16 of them fit in a megabyte
_JPEG = ("-c:v", "mjpeg", "-q:v", "3", "-threads", "1", "-f", "image2", "-y")
# Luma, 0 to 255: below is black, above is blown out.
_BLACK, _WHITE = 24, 250
_MIDDLE = 118.0


@dataclass(frozen=True, kw_only=True)
class ImageInfo:
    """One picture that was written: pixels, bytes, and the time of its frame in seconds."""

    path: Path
    width: int
    height: int
    bytes: int
    time_s: float


def write_poster(
    src: ByteRanges,
    movie: Movie,
    track: Track,
    facts: VideoFacts,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
    out: Path,
    width: int = 1280,
    shown: Presentation | None = None,
) -> ImageInfo:
    """Write the best of a few keyframes spread over the video as a JPEG, at most `width` wide.

    Best is sharp, neither dark nor blown out, and with some contrast (`poster_score`). Raises
    `InputError` where no keyframe can be decoded.
    """
    found = shown_keyframes(movie, track, shown=shown)
    chosen = _spread(found, _CANDIDATES)
    across, down = image_size(facts, _SCORED_WIDTH)
    small, file = work / "poster-candidates.grey", work / "poster-candidates.mp4"
    with translate_errors("making the poster"):
        write_keyframes(src, track, found.sample[list(chosen)], file)
        raw = ("-f", "rawvideo", "-y", f"file:{small}")
        numbers = decode_keyframes(
            file, len(chosen), facts, (across, down), "format=gray", raw, tools=tools, runner=runner
        )
        grey = np.fromfile(small, np.uint8)[: len(numbers) * across * down].reshape(-1, down, across)
        best = chosen[numbers[int(np.argmax([poster_score(each) for each in grey]))]]
        (made,) = _write(src, track, facts, found, (best,), width, [out], work, tools=tools, runner=runner)
        small.unlink()
        file.unlink()
    return made


def write_thumbnails(
    src: ByteRanges,
    movie: Movie,
    track: Track,
    facts: VideoFacts,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
    out_dir: Path,
    count: int = 6,
    width: int = 320,
    shown: Presentation | None = None,
) -> tuple[ImageInfo, ...]:
    """Write up to `count` keyframes, spread evenly, as `out_dir`/thumb-001.jpg and so on.

    A video with fewer keyframes gives as many as it has, none twice.
    """
    if count < 1:
        return ()
    found = shown_keyframes(movie, track, shown=shown)
    chosen = _spread(found, count)
    outs = [out_dir / f"thumb-{number:03d}.jpg" for number in range(1, len(chosen) + 1)]
    with translate_errors("making thumbnails"):
        return _write(src, track, facts, found, chosen, width, outs, work, tools=tools, runner=runner)


def write_preceding_keyframes(
    src: ByteRanges,
    movie: Movie,
    track: Track,
    facts: VideoFacts,
    frames: Sequence[int],
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
    out_dir: Path,
    shown: Presentation,
    width: int = 320,
    prefix: str = "highlight",
) -> tuple[ImageInfo | None, ...]:
    """For each frame number the last keyframe up to it, as `out_dir`/highlight-001.jpg and so on.

    Frames of one GOP share the picture of the first of them. None where the keyframe cannot be decoded.
    """
    if not frames:
        return ()
    found = shown_keyframes(movie, track, shown=shown)
    times = shown.pts[np.asarray(frames, np.int64)] / track.timescale
    keys = np.maximum(np.searchsorted(found.times, times, side="right") - 1, 0).tolist()
    named = {key: f"{prefix}-{number:03d}.jpg" for number, key in reversed(list(enumerate(keys, 1)))}
    chosen = tuple(sorted(named))
    aside = work / f"{prefix}s"
    aside.mkdir(exist_ok=True)
    outs = [aside / f"{place}.jpg" for place in range(len(chosen))]
    with translate_errors(f"making the pictures of {len(frames)} moments"):
        try:
            drawn = _write(src, track, facts, found, chosen, width, outs, work, tools=tools, runner=runner)
        except InputError:  # none can be decoded: a mark without its picture is still a mark
            drawn = ()
        # Damaged keyframes are left out of what was drawn: their times tell which those are.
        by_time = {round(float(found.times[key]), 6): key for key in chosen}
        made: dict[int, ImageInfo] = {}
        for each in drawn:
            key = by_time[each.time_s]
            made[key] = replace(each, path=each.path.replace(out_dir / named[key]))
    return tuple(made.get(key) for key in keys)


def poster_score(grey: Grey) -> float:
    """How good a poster a small grey picture (uint8[height, width]) would make; higher is better.

    The product of four figures from 0 to 1: detail (how much neighbouring pixels differ), contrast, a sound
    middle brightness, and how little is black or blown out.
    """
    light = grey.astype(np.float64)
    inner = light[1:-1, 1:-1] if min(light.shape) > 2 else light  # noqa: PLR2004 - a pixel with neighbours
    around = _around(light) if inner is not light else light
    detail = float(np.abs(inner - around).mean())
    spread = float(light.std())
    lost = float(((grey < _BLACK) | (grey > _WHITE)).mean())
    brightness = 1 - abs(float(light.mean()) - _MIDDLE) / 255
    return (0.02 + detail / (detail + 4)) * (0.02 + spread / (spread + 30)) * brightness * (1.02 - lost)


def _around(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean of each inner pixel's four neighbours."""
    across = light[1:-1, :-2] + light[1:-1, 2:]
    down = light[:-2, 1:-1] + light[2:, 1:-1]
    mean: npt.NDArray[np.float64] = (across + down) / 4
    return mean


def _spread(found: Keyframes, count: int) -> tuple[int, ...]:
    """Keyframes nearest to the middles of `count` equal parts of the video, none twice."""
    first = float(found.times[0])
    step = (found.end - first) / count
    wanted = [first + (part + 0.5) * step for part in range(count)]
    return tuple(sorted(set(nearest_keyframes(found, wanted))))


def _write(
    src: ByteRanges,
    track: Track,
    facts: VideoFacts,
    found: Keyframes,
    chosen: tuple[int, ...],
    width: int,
    outs: list[Path],
    work: Path,
    *,
    tools: Toolchain,
    runner: Runner,
) -> tuple[ImageInfo, ...]:
    across, down = image_size(facts, width)
    file, folder = work / "pictures.mp4", work / "pictures"
    folder.mkdir(exist_ok=True)
    write_keyframes(src, track, found.sample[list(chosen)], file)
    output = (*_JPEG, f"file:{folder}/%d.jpg")
    numbers = decode_keyframes(
        file, len(chosen), facts, (across, down), "null", output, tools=tools, runner=runner
    )
    made = []
    for place, number in enumerate(numbers, 1):
        target = outs[place - 1]
        (folder / f"{place}.jpg").replace(target)
        time_s = round(float(found.times[chosen[number]]), 6)
        picture = ImageInfo(
            path=target, width=across, height=down, bytes=target.stat().st_size, time_s=time_s
        )
        made.append(picture)
    file.unlink()
    return tuple(made)
