"""What a frame that was processed wrongly would look like, and so what a rendition must not resemble."""

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
_BLACK, _REACH = 16.0, 219.0 / 255


def resized(canvas: Image, height: int, width: int) -> Image:
    """The picture at another size, each pixel the mean of the area it covers."""
    down, across = _weights(canvas.shape[0], height), _weights(canvas.shape[1], width)
    found: Image = across @ np.tensordot(down, canvas, 1)
    return found


def _weights(size: int, wanted: int) -> npt.NDArray[np.float64]:
    """float64[wanted, size]: which share of each pixel goes into each wanted one; rows add up to 1."""
    edges = np.linspace(0, size, wanted + 1)
    starts = np.maximum(edges[:-1, None], np.arange(size)[None, :])
    ends = np.minimum(edges[1:, None], np.arange(1, size + 1)[None, :])
    shares = np.maximum(ends - starts, 0)
    weights: npt.NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return weights


def _turned(quarters: int) -> Fault:
    return lambda canvas: resized(np.rot90(canvas, quarters), canvas.shape[0], canvas.shape[1])


def _cropped(across: float, down: float) -> Fault:
    """The middle of the picture, stretched to all of it."""

    def apply(canvas: Image) -> Image:
        height, width = canvas.shape[:2]
        wide, high = max(2, round(width * across)), max(2, round(height * down))
        left, top = (width - wide) // 2, (height - high) // 2
        return resized(canvas[top : top + high, left : left + wide], height, width)

    return apply


def _padded(across: float, down: float) -> Fault:
    """The whole picture in the middle of black bars."""

    def apply(canvas: Image) -> Image:
        height, width = canvas.shape[:2]
        wide, high = max(2, round(width * across)), max(2, round(height * down))
        left, top = (width - wide) // 2, (height - high) // 2
        found = np.zeros_like(canvas)
        found[top : top + high, left : left + wide] = resized(canvas, high, wide)
        return found

    return apply


def _matrix(kind: str) -> npt.NDArray[np.float64]:
    red, green, blue = _LUMA[kind]
    luma = np.array((red, green, blue))
    cb = (np.array((0, 0, 1)) - luma) / (2 * (1 - blue))
    cr = (np.array((1, 0, 0)) - luma) / (2 * (1 - red))
    return np.stack((luma, cb, cr))


def _read_as(written: str, read: str) -> Fault:
    """Written by one matrix and shown by another."""
    mixed = np.linalg.inv(_matrix(read)) @ _matrix(written)
    return lambda canvas: np.clip(canvas @ mixed.T, 0, 255)


def _swapped_chroma(canvas: Image) -> Image:
    forth = _matrix("709")
    mixed = np.linalg.inv(forth) @ forth[[0, 2, 1]]
    return np.clip(canvas @ mixed.T, 0, 255)


def _grey(canvas: Image) -> Image:
    return np.repeat((canvas @ np.array(_LUMA["709"]))[..., None], 3, axis=2)


GEOMETRY_FAULTS: Final[Mapping[str, Fault]] = {
    "mirrored left to right": lambda canvas: canvas[:, ::-1],
    "flipped upside down": lambda canvas: canvas[::-1],
    "turned by 180 degrees": lambda canvas: canvas[::-1, ::-1],
    "turned by 90 degrees clockwise": _turned(-1),
    "turned by 90 degrees anticlockwise": _turned(1),
    "stretched and cropped at its sides": _cropped(0.75, 1),
    "stretched and cropped at top and bottom": _cropped(1, 0.75),
    "squeezed between bars at its sides": _padded(0.75, 1),
    "squeezed between bars at top and bottom": _padded(1, 0.75),
}
"""Faults of orientation and shape, by what they look like."""

COLOUR_FAULTS: Final[Mapping[str, Fault]] = {
    "colours off: written by BT.601, shown by BT.709": _read_as("601", "709"),
    "colours off: written by BT.709, shown by BT.601": _read_as("709", "601"),
    "colours off: written by BT.2020, shown by BT.709": _read_as("2020", "709"),
    "colours off: written by BT.709, shown by BT.2020": _read_as("709", "2020"),
    "colours off: full range shown as limited": lambda canvas: np.clip((canvas - _BLACK) / _REACH, 0, 255),
    "colours off: limited range shown as full": lambda canvas: canvas * _REACH + _BLACK,
    "colours off: red and blue exchanged": lambda canvas: canvas[..., ::-1],
    "colours off: the colour differences exchanged": _swapped_chroma,
    "colours off: without colour": _grey,
}
"""Faults of colour, by what they look like."""
