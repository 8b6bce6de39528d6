"""The reference for projected spherical video: frames of the original, projected with NumPy.

The encoder's frames are projected by FFmpeg filters. Here each pixel of a sample is the mean of rays, whose
places in the decoded frames follow from the geometry alone (`eac_layout`), so that a wrong face, a wrong
rotation or a missing blend in the filters shows as a difference.

Directions are (right, down, forward). On a face, u and v are -1 to 1, equal steps being equal angles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from eddyline.media.frame_verification.png import RgbImage
from eddyline.media.source.eac_layout import EacLayout, require_layout
from eddyline.media.source.source import SphereFacts, View

_RAYS: Final = 8  # a side of each pixel
_MAX_HEIGHT: Final = 512  # lines of a decoded frame: enough for samples of 64 pixels
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# By the largest component of a direction: (track, place), and u and v as rows of a matrix times (right, down,
# forward), to be divided by that component's size. The upper edge of the second track is to the right.
_FACES: Final = {
    (0, -1): (0, 0, (0, 0, 1), (0, 1, 0)),  # left
    (2, 1): (0, 1, (1, 0, 0), (0, 1, 0)),  # front
    (0, 1): (0, 2, (0, 0, -1), (0, 1, 0)),  # right
    (1, 1): (1, 0, (0, 0, -1), (-1, 0, 0)),  # down
    (2, -1): (1, 1, (0, -1, 0), (-1, 0, 0)),  # back
    (1, -1): (1, 2, (0, 0, 1), (-1, 0, 0)),  # up
}


@dataclass(frozen=True, kw_only=True)
class _Lookup:
    """For each ray, the pixels of the stacked frames to mix: (1 - weight) * first + weight * second."""

    first: Ints
    second: Ints
    weight: Floats


def decoded_size(sphere: SphereFacts) -> tuple[int, int]:
    """Width and height to which decoded frames are scaled before `project`: a whole fraction of theirs."""
    factor = next(n for n in (1, 2, 4, 8, 16, 32, 64) if sphere.height <= n * _MAX_HEIGHT)
    return sphere.width // factor, sphere.height // factor


def project(frames: Sequence[RgbImage], sphere: SphereFacts, shape: tuple[int, int]) -> RgbImage:
    """The sample of `shape` (width, height) that the frames of one moment show, scaled to `decoded_size`.

    `frames` are those of both tracks of a pair, or one equirectangular frame.
    """
    pixels = np.concatenate([frame.reshape(-1, 3) for frame in frames])
    lookup = _lookup(sphere, shape)
    first, second = pixels[lookup.first].astype(np.float32), pixels[lookup.second].astype(np.float32)
    mixed = first + (second - first) * lookup.weight[:, None].astype(np.float32)
    width, height = shape
    mean = mixed.reshape(height, _RAYS, width, _RAYS, 3).mean((1, 3))
    image: RgbImage = np.clip(np.rint(mean), 0, 255).astype(np.uint8)
    return image


@lru_cache(maxsize=4)
def _lookup(sphere: SphereFacts, shape: tuple[int, int]) -> _Lookup:
    width, height = shape[0] * _RAYS, shape[1] * _RAYS
    across, down = (np.arange(width) + 0.5) / width * 2 - 1, (np.arange(height) + 0.5) / height * 2 - 1
    x, y = np.meshgrid(across, down)
    rays = _sphere_rays(x, y) if sphere.view is None else _view_rays(x, y, sphere.view, shape)
    size = decoded_size(sphere)
    if not sphere.is_eac:
        found = _equirectangular_pixels(rays, *size)
        return _Lookup(first=found, second=found, weight=np.zeros(len(found)))
    return _pair_pixels(rays, require_layout(sphere.width, sphere.height), *size)


def _sphere_rays(x: Floats, y: Floats) -> Floats:
    longitude, latitude = x * math.pi, y * math.pi / 2
    level = np.cos(latitude)
    return np.stack([level * np.sin(longitude), np.sin(latitude), level * np.cos(longitude)], -1).reshape(
        -1, 3
    )


def _view_rays(x: Floats, y: Floats, view: View, shape: tuple[int, int]) -> Floats:
    reach = math.tan(math.radians(view.fov) / 2)
    rays = np.stack([x * reach, y * reach * shape[1] / shape[0], np.ones_like(x)], -1).reshape(-1, 3)
    yaw, pitch, roll = (math.radians(angle) for angle in (view.yaw, view.pitch, view.roll))
    turn = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    lift = np.array(
        [[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]]
    )
    tilt = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    return np.stack([_product(rays, row) for row in turn @ lift @ tilt], -1)


def _equirectangular_pixels(rays: Floats, width: int, height: int) -> Ints:
    right, down, forward = rays.T
    longitude, latitude = np.arctan2(right, forward), np.arctan2(down, np.hypot(right, forward))
    column = _whole((longitude / math.pi + 1) / 2 * width, width)
    return _whole((latitude / math.pi * 2 + 1) / 2 * height, height) * width + column


def _pair_pixels(rays: Floats, layout: EacLayout, width: int, height: int) -> _Lookup:
    axis = np.abs(rays).argmax(1)
    largest = np.take_along_axis(rays, axis[:, None], 1)[:, 0]
    first, second = np.zeros(len(rays), np.int64), np.zeros(len(rays), np.int64)
    weight = np.zeros(len(rays))
    for (direction, sign), (track, place, across, down) in _FACES.items():
        of_face = np.flatnonzero((axis == direction) & (np.sign(largest) == sign))
        unit = rays[of_face] / np.abs(largest[of_face])[:, None]
        u, v = (np.arctan(_product(unit, row)) / (math.pi / 4) for row in (across, down))
        line = _whole((v + 1) / 2 * height, height) + track * height
        columns = _columns((u + 1) / 2, place, layout)
        for target, column in zip((first, second), columns[:2], strict=True):
            target[of_face] = line * width + _whole(column / layout.width * width, width)
        weight[of_face] = columns[2]
    return _Lookup(first=first, second=second, weight=weight)


def _columns(u: Floats, place: int, layout: EacLayout) -> tuple[Floats, Floats, Floats]:
    """Columns of a track for u from 0 to 1 of the face at `place`: two to mix, and the second's weight."""
    if place == 1:
        column = layout.side + u * layout.face
        return column, column, np.zeros_like(u)
    left = 0 if place == 0 else layout.width - layout.side
    inside = u * layout.blended_side
    weight = np.clip((inside - (layout.side / 2 - layout.strip)) / layout.strip, 0, 1)
    return left + inside, left + inside + layout.strip, weight


def _product(rays: Floats, row: Sequence[float] | Floats) -> Floats:
    """The scalar product of each ray with a row. Not `@`: the BLAS would start a thread for each core."""
    result: Floats = rays[:, 0] * row[0] + rays[:, 1] * row[1] + rays[:, 2] * row[2]
    return result


def _whole(values: Floats, limit: int) -> Ints:
    return np.clip(np.floor(values).astype(np.int64), 0, limit - 1)
