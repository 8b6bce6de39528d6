"""The poster: the best of several keyframes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eddyline.core.files import translate_errors
from eddyline.media.pictures.image_filters import image_size
from eddyline.media.pictures.jpeg import (
    ImageInfo,
    PlannedJpegs,
    plan_jpegs,
    spread_keyframes,
    write_jpegs,
)
from eddyline.media.pictures.keyframes import ImageSource
from eddyline.media.pictures.stills import ImageSet, decode_keyframes

_CANDIDATES = 16
_MAX_AT_ONCE = 4  # candidates up to which a JPEG file of each costs less than a second command
_SCORED_WIDTH = 192  # pixels: enough to detect blur, and 16 candidates fit in a megabyte
_BLACK, _WHITE = 24, 250  # luma from 0 to 255: below is black, above is blown out
_MIDDLE = 118.0


def write_poster(video: ImageSource, *, out: Path, width: int = 1280) -> ImageInfo:
    """Write the keyframe with the best `poster_score` as a JPEG, at most `width` wide.

    The candidates are spread over the video. Raises `InputError` if no keyframe can be decoded.
    """
    candidates = spread_keyframes(video.keyframes, _CANDIDATES)
    with translate_errors("writing the poster"):
        if len(candidates) > _MAX_AT_ONCE:
            (poster,) = write_jpegs(video, (_best(video, candidates),), width, [out])
            return poster
        planned = plan_jpegs(video, candidates, width, [out.with_name(f"{n}.jpg") for n in candidates])
        written, scores = _score_jpegs(planned)
        best = int(np.argmax(scores))
        for place, image in enumerate(written):
            if place != best:
                image.path.unlink()
        return replace(written[best], path=written[best].path.replace(out))


def _score_jpegs(planned: PlannedJpegs) -> tuple[tuple[ImageInfo, ...], list[float]]:
    """Write JPEG files of all candidates and compute their scores, with one command."""
    raw, images = planned.images.path.with_suffix(".grey"), planned.images
    across, down = image_size(planned.video.facts, _SCORED_WIDTH)
    scored = replace(
        images,
        output_filter=f"split[small][large];[small]scale={across}:{down}:flags=area,format=gray[grey];"
        "[large]null",
        output=(*images.output, "-map", "[grey]", "-fps_mode", "passthrough", *_raw_output(raw)),
    )
    written = planned.finish(decode_keyframes(planned.video, scored))
    scores = [poster_score(each) for each in _read_grey(raw, across, down, len(written))]
    raw.unlink()
    return written, scores


def _best(video: ImageSource, candidates: tuple[int, ...]) -> int:
    """The candidate with the best score, from small images only."""
    across, down = image_size(video.facts, _SCORED_WIDTH)
    raw, file = video.work / "poster-candidates.grey", video.work / "poster-candidates.mp4"
    video.write_keyframes(candidates, (across, down), file)
    images = ImageSet(
        path=file,
        frames=len(candidates),
        shape=(across, down),
        output_filter="format=gray",
        output=_raw_output(raw),
    )
    numbers = decode_keyframes(video, images)
    scores = [poster_score(each) for each in _read_grey(raw, across, down, len(numbers))]
    raw.unlink()
    file.unlink()
    return candidates[numbers[int(np.argmax(scores))]]


def _raw_output(raw: Path) -> tuple[str, ...]:
    return ("-f", "rawvideo", "-y", f"file:{raw}")


def _read_grey(raw: Path, across: int, down: int, count: int) -> npt.NDArray[np.uint8]:
    """The images of a raw file: uint8[count, down, across]."""
    return np.fromfile(raw, np.uint8)[: count * across * down].reshape(-1, down, across)


def poster_score(image: npt.NDArray[np.uint8]) -> float:
    """The suitability of a small grey image (uint8[height, width]) as a poster; higher is better.

    The product of four figures from 0 to 1: detail (differences between neighbouring pixels), contrast,
    medium brightness, and the share of pixels that are neither black nor blown out.
    """
    luma = image.astype(np.float64)
    has_inner = min(luma.shape) > 2  # noqa: PLR2004 - a pixel with neighbours on both sides
    detail = float(np.abs(luma[1:-1, 1:-1] - _neighbour_means(luma)).mean()) if has_inner else 0.0
    contrast = float(luma.std())
    clipped = float(((image < _BLACK) | (image > _WHITE)).mean())
    brightness = 1 - abs(float(luma.mean()) - _MIDDLE) / 255
    return (
        (0.02 + detail / (detail + 4)) * (0.02 + contrast / (contrast + 30)) * brightness * (1.02 - clipped)
    )


def _neighbour_means(luma: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean of each inner pixel's four neighbours."""
    across = luma[1:-1, :-2] + luma[1:-1, 2:]
    down = luma[:-2, 1:-1] + luma[2:, 1:-1]
    mean: npt.NDArray[np.float64] = (across + down) / 4
    return mean
