"""Thumbnails of the video and of its HiLights, from keyframes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from eddyline.core.errors import InputError
from eddyline.core.files import translate_errors
from eddyline.media.pictures.jpeg import ImageInfo, PlannedJpegs, plan_jpegs, spread_keyframes, write_jpegs
from eddyline.media.pictures.keyframes import ImageSource
from eddyline.media.pictures.stills import decode_keyframes


def write_thumbnails(
    video: ImageSource, *, out_dir: Path, count: int = 6, width: int = 320
) -> tuple[ImageInfo, ...]:
    """Write up to `count` evenly spread keyframes as `out_dir`/thumb-001.jpg and so on.

    A video with fewer keyframes has fewer thumbnails, without duplicates.
    """
    if count < 1:
        return ()
    with translate_errors("writing the thumbnails"):
        planned = plan_thumbnails(video, out_dir=out_dir, count=count, width=width)
        return planned.finish(decode_keyframes(video, planned.images))


def plan_thumbnails(video: ImageSource, *, out_dir: Path, count: int, width: int) -> PlannedJpegs:
    """Plan what `write_thumbnails` writes; `count` is at least 1."""
    selected = spread_keyframes(video.keyframes, count)
    outs = [out_dir / f"thumb-{number:03d}.jpg" for number in range(1, len(selected) + 1)]
    return plan_jpegs(video, selected, width, outs)


def write_preceding_keyframes(
    video: ImageSource, frames: Sequence[int], *, out_dir: Path, width: int = 320
) -> tuple[ImageInfo | None, ...]:
    """Write, for each frame number, the last keyframe up to it as `out_dir`/highlight-001.jpg and so on.

    Frames of one GOP share the image of the first of them. None if the keyframe cannot be decoded.
    """
    if not frames:
        return ()
    keyframes = video.keyframes
    times = video.shown.pts[np.asarray(frames, np.int64)] / video.track.timescale
    keys = np.maximum(np.searchsorted(keyframes.times, times, side="right") - 1, 0).tolist()
    names = {key: f"highlight-{number:03d}.jpg" for number, key in reversed(list(enumerate(keys, 1)))}
    selected = tuple(sorted(names))
    staging = video.work / "highlights"
    staging.mkdir(exist_ok=True)
    outs = [staging / f"{place}.jpg" for place in range(len(selected))]
    with translate_errors(f"writing the thumbnails of {len(frames)} HiLights"):
        try:
            written = write_jpegs(video, selected, width, outs)
        except InputError:  # no keyframe can be decoded: HiLights are kept without images
            written = ()
        # Damaged keyframes are missing from the output; the times identify the others.
        by_time = {round(float(keyframes.times[key]), 6): key for key in selected}
        images: dict[int, ImageInfo] = {}
        for each in written:
            key = by_time[each.time_s]
            images[key] = replace(each, path=each.path.replace(out_dir / names[key]))
    return tuple(images.get(key) for key in keys)
