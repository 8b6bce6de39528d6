"""Transforms that simulate processing faults: a rendition must not match a transformed source frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.float64]
"""float64[height, width, 3], RGB from 0 to 255."""

Fault: TypeAlias = Callable[[Image], Image]

# Y'CbCr from R'G'B' at full range (ITU-R BT.601, BT.709 and BT.2020 non-constant luminance).
_LUMA: Final = {
    "601": (0.299, 0.587, 0.114),
    "709": (0.2126, 0.7152, 0.0722),
    "2020": (0.2627, 0.678, 0.0593),
}
_BLACK, _LIMITED_SCALE = 16.0, 219.0 / 255


def resize(image: Image, height: int, width: int) -> Image:
    """Scale an image; each pixel of the result is the mean of the area it covers."""
    down, across = _area_weights(image.shape[0], height), _area_weights(image.shape[1], width)
    resized: Image = across @ np.tensordot(down, image, 1)
    return resized


def _area_weights(size: int, target: int) -> npt.NDArray[np.float64]:
    """float64[target, size]: the share of each input pixel in each output pixel; each row sums to 1."""
    edges = np.linspace(0, size, target + 1)
    starts = np.maximum(edges[:-1, None], np.arange(size)[None, :])
    ends = np.minimum(edges[1:, None], np.arange(1, size + 1)[None, :])
    shares = np.maximum(ends - starts, 0)
    weights: npt.NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return weights


def _rotation(quarters: int) -> Fault:
    return lambda image: resize(np.rot90(image, quarters), image.shape[0], image.shape[1])


def _centre(image: Image, across: float, down: float) -> tuple[slice, slice]:
    """The slices of the central part that has these shares of the width and height."""
    height, width = image.shape[:2]
    wide, high = max(2, round(width * across)), max(2, round(height * down))
    left, top = (width - wide) // 2, (height - high) // 2
    return slice(top, top + high), slice(left, left + wide)


def _crop(across: float, down: float) -> Fault:
    """Stretch the central part of the image to the full size."""
    return lambda image: resize(image[_centre(image, across, down)], image.shape[0], image.shape[1])


def _pad(across: float, down: float) -> Fault:
    """Shrink the image into the centre of a black frame."""

    def apply(image: Image) -> Image:
        centre = _centre(image, across, down)
        padded = np.zeros_like(image)
        padded[centre] = resize(image, *padded[centre].shape[:2])
        return padded

    return apply


def _rgb_to_ycbcr(standard: str) -> npt.NDArray[np.float64]:
    red, green, blue = _LUMA[standard]
    luma = np.array((red, green, blue))
    cb = (np.array((0, 0, 1)) - luma) / (2 * (1 - blue))
    cr = (np.array((1, 0, 0)) - luma) / (2 * (1 - red))
    return np.stack((luma, cb, cr))


def _wrong_matrix(encoded: str, decoded: str) -> Fault:
    """Convert to Y'CbCr with one matrix and back to RGB with another."""
    mixed = np.linalg.inv(_rgb_to_ycbcr(decoded)) @ _rgb_to_ycbcr(encoded)
    return lambda image: np.clip(image @ mixed.T, 0, 255)


def _swap_chroma(image: Image) -> Image:
    matrix = _rgb_to_ycbcr("709")
    mixed = np.linalg.inv(matrix) @ matrix[[0, 2, 1]]
    return np.clip(image @ mixed.T, 0, 255)


def _greyscale(image: Image) -> Image:
    return np.repeat((image @ np.array(_LUMA["709"]))[..., None], 3, axis=2)


GEOMETRY_FAULTS: Final[Mapping[str, Fault]] = {
    "mirrored left to right": lambda image: image[:, ::-1],
    "flipped upside down": lambda image: image[::-1],
    "rotated by 180 degrees": lambda image: image[::-1, ::-1],
    "rotated by 90 degrees clockwise": _rotation(-1),
    "rotated by 90 degrees counterclockwise": _rotation(1),
    "stretched and cropped left and right": _crop(0.75, 1),
    "stretched and cropped at top and bottom": _crop(1, 0.75),
    "squeezed between bars left and right": _pad(0.75, 1),
    "squeezed between bars at top and bottom": _pad(1, 0.75),
}
"""Faults of orientation and shape, by description."""

COLOUR_FAULTS: Final[Mapping[str, Fault]] = {
    "wrong colors: encoded as BT.601, decoded as BT.709": _wrong_matrix("601", "709"),
    "wrong colors: encoded as BT.709, decoded as BT.601": _wrong_matrix("709", "601"),
    "wrong colors: encoded as BT.2020, decoded as BT.709": _wrong_matrix("2020", "709"),
    "wrong colors: encoded as BT.709, decoded as BT.2020": _wrong_matrix("709", "2020"),
    "wrong colors: full range decoded as limited range": lambda image: np.clip(
        (image - _BLACK) / _LIMITED_SCALE, 0, 255
    ),
    "wrong colors: limited range decoded as full range": lambda image: image * _LIMITED_SCALE + _BLACK,
    "wrong colors: red and blue swapped": lambda image: image[..., ::-1],
    "wrong colors: Cb and Cr swapped": _swap_chroma,
    "wrong colors: greyscale": _greyscale,
}
"""Faults of colour conversion, by description."""
