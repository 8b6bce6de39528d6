"""A smooth curve per channel that maps the values of one tone mapping to those of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from eddyline.media.frame_verification.simulated_faults import Image

Curve = list[npt.NDArray[np.floating[Any]]]
"""The coefficients of one polynomial per channel."""

_DEGREE: Final = 3


def fit_curve(images: Sequence[Image], targets: Sequence[Image]) -> Curve:
    """The curve with the least squared error from all `images` together to their `targets`."""
    values, wanted = np.stack(images) / 255, np.stack(targets)
    return [
        np.linalg.lstsq(
            np.vander(values[..., channel].ravel(), _DEGREE + 1), wanted[..., channel].ravel(), rcond=None
        )[0]
        for channel in range(3)
    ]


def apply_curve(curve: Curve, images: Sequence[Image]) -> list[Image]:
    """The images with the curve applied to their values, clipped to 0 to 255."""
    values = np.stack(images) / 255
    channels = [np.polyval(coefficients, values[..., at]) for at, coefficients in enumerate(curve)]
    return list(np.clip(np.stack(channels, axis=-1), 0, 255))
