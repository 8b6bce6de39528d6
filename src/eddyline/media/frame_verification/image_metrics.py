"""Error metrics between two images of the same size."""

from __future__ import annotations

from math import log10
from typing import Final

import numpy as np

from eddyline.media.frame_verification.simulated_faults import Image

_MAX_PSNR_DB: Final = 99.0  # of identical images
_BLOCK: Final = 4  # pixels per side


def psnr(error: float) -> float:
    """PSNR in dB for a mean squared error of values from 0 to 255."""
    return min(10 * log10(255**2 / error), _MAX_PSNR_DB) if error > 0 else _MAX_PSNR_DB


def mean_squared_error(a: Image, b: Image) -> float:
    """Mean squared error of values from 0 to 255."""
    return float(np.square(a - b).mean())


def block_means(image: Image) -> Image:
    """The mean of each 4x4 block of pixels; an image smaller than a block is returned unchanged."""
    height, width = image.shape[0] // _BLOCK, image.shape[1] // _BLOCK
    if not (height and width):
        return image
    whole = image[: height * _BLOCK, : width * _BLOCK]
    means: Image = whole.reshape(height, _BLOCK, width, _BLOCK, 3).mean(axis=(1, 3))
    return means
