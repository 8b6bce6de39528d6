"""How far two canvases are from each other."""

from __future__ import annotations

from math import log10
from typing import Final

import numpy as np

from eddyline.media.frame_verification.simulated_faults import Image

_BEST_DB: Final = 99.0  # where nothing differs
_BLOCK: Final = 4  # pixels a side


def psnr(error: float) -> float:
    """Decibels of a mean squared error of values from 0 to 255."""
    return min(10 * log10(255**2 / error), _BEST_DB) if error > 0 else _BEST_DB


def mean_squared_error(a: Image, b: Image) -> float:
    """Of values from 0 to 255."""
    return float(np.square(a - b).mean())


def block_means(canvas: Image) -> Image:
    """The means of blocks of pixels; smaller canvases stay as they are."""
    height, width = canvas.shape[0] // _BLOCK, canvas.shape[1] // _BLOCK
    if not (height and width):
        return canvas
    whole = canvas[: height * _BLOCK, : width * _BLOCK]
    means: Image = whole.reshape(height, _BLOCK, width, _BLOCK, 3).mean(axis=(1, 3))
    return means
