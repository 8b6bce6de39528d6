"""The poster: the best of several keyframes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from eddyline.core.files import translate_errors
from eddyline.media.pictures.image_filters import image_size
from eddyline.media.pictures.jpeg import ImageInfo, spread_keyframes, write_jpegs
from eddyline.media.pictures.stills import ImageSource, decode_keyframes

_CANDIDATES = 16
_SCORED_WIDTH = 192  # pixels: enough to detect blur, and 16 candidates fit in a megabyte
_BLACK, _WHITE = 24, 250  # luma from 0 to 255: below is black, above is blown out
_MIDDLE = 118.0


def write_poster(video: ImageSource, *, out: Path, width: int = 1280) -> ImageInfo:
    """Write the keyframe with the best `poster_score` as a JPEG, at most `width` wide.

    The candidates are spread over the video. Raises `InputError` if no keyframe can be decoded.
    """
    candidates = spread_keyframes(video.keyframes, _CANDIDATES)
    across, down = image_size(video.facts, _SCORED_WIDTH)
    raw, file = video.work / "poster-candidates.grey", video.work / "poster-candidates.mp4"
    with translate_errors("writing the poster"):
        video.write_keyframes(candidates, file)
        output = ("-f", "rawvideo", "-y", f"file:{raw}")
        numbers = decode_keyframes(video, file, len(candidates), (across, down), "format=gray", output)
        images = np.fromfile(raw, np.uint8)[: len(numbers) * across * down].reshape(-1, down, across)
        best = candidates[numbers[int(np.argmax([poster_score(each) for each in images]))]]
        (poster,) = write_jpegs(video, (best,), width, [out])
        raw.unlink()
        file.unlink()
    return poster


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
