"""Synthetic GoPro MAX recordings: a known sphere, projected with NumPy to the two tracks of a .360 file.

The geometry is written down here a second time, independent of the package: directions are (right, down,
forward), and the functions below give the colour of each direction.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[Any]
Scene = Callable[[Image], Image]
"""From directions [..., 3] to red, green and blue from 0 to 255."""


@dataclass(frozen=True)
class Geometry:
    """A track's frame: the width of a side face, and the overlap on each side of its middle."""

    width: int
    height: int
    side: int
    blend: int

    @property
    def face(self) -> int:
        return self.width - 2 * self.side


MAX_3K = Geometry(2272, 736, 768, 16)
MAX_5K = Geometry(4096, 1344, 1376, 32)
FACES = (("left", "front", "right"), ("down", "back", "up"))
COLOURS = {
    "left": (200, 40, 40), "front": (40, 200, 40), "right": (40, 40, 200),
    "down": (200, 200, 40), "back": (200, 40, 200), "up": (40, 200, 200),
}  # fmt: skip


def waves(directions: Image) -> Image:
    """A smooth sphere without symmetries, in medium tones."""
    x, y, z = np.moveaxis(directions, -1, 0)
    red = 128 + 40 * np.sin(9 * x + 3 * y) + 40 * np.sin(14 * z - 2 + 5 * x * y)
    green = 128 + 50 * np.sin(7 * y - 4 * z) + 40 * np.cos(12 * x + z)
    blue = 128 + 45 * np.sin(10 * z + 6 * x) + 45 * np.cos(8 * y - 3 * x)
    return np.stack([red, green, blue], -1)


def faces(directions: Image) -> Image:
    """A colour for each face of the cube, darker towards its lower right corner as seen from within."""
    x, y, z = np.moveaxis(directions, -1, 0)
    axis = np.abs(directions).argmax(-1)
    out = np.zeros(directions.shape)
    for name, inside, across, down in (
        ("left", (axis == 0) & (x < 0), z, y),
        ("right", (axis == 0) & (x > 0), -z, y),
        ("up", (axis == 1) & (y < 0), x, z),
        ("down", (axis == 1) & (y > 0), x, -z),
        ("front", (axis == 2) & (z > 0), x, y),
        ("back", (axis == 2) & (z < 0), -x, y),
    ):
        shade = 1 - 0.3 * ((across > 0).astype(float) + (down > 0).astype(float))
        out[inside] = np.array(COLOURS[name]) * shade[inside][:, None]
    return out


def track_image(geometry: Geometry, names: Sequence[str], scene: Scene) -> Image:
    """One track's frame: float[height, width, 3]."""
    down = ((np.arange(geometry.height) + 0.5) / geometry.height * 2 - 1)[:, None]
    half, doubled = geometry.side // 2, 2 * geometry.blend
    column = np.arange(geometry.side)
    side = (np.where(column < half, column, column - doubled) + 0.5) / (geometry.side - doubled) * 2 - 1
    centre = (np.arange(geometry.face) + 0.5) / geometry.face * 2 - 1
    parts = []
    for name, across in zip(names, (side, centre, side), strict=True):
        u, v = np.broadcast_arrays(across[None, :], down)
        parts.append(scene(_directions(name, u, v)))
    return np.concatenate(parts, axis=1)


def sphere_image(width: int, height: int, scene: Scene) -> Image:
    """The equirectangular frame: float[height, width, 3]."""
    longitude = ((np.arange(width) + 0.5) / width * 2 - 1) * np.pi
    latitude = ((np.arange(height) + 0.5) / height - 0.5) * np.pi
    return scene(sphere_directions(*np.meshgrid(longitude, latitude)))


def sphere_directions(longitude: Image, latitude: Image) -> Image:
    """Unit vectors; longitude grows to the right of the front, latitude downwards."""
    level = np.cos(latitude)
    return np.stack([level * np.sin(longitude), np.sin(latitude), level * np.cos(longitude)], -1)


def view_image(width: int, height: int, fov: float, turn: Image, scene: Scene) -> Image:
    """A flat view: `fov` is horizontal, `turn` the matrix from the view's directions to the sphere's."""
    reach = np.tan(np.radians(fov) / 2)
    x = ((np.arange(width) + 0.5) / width * 2 - 1) * reach
    y = ((np.arange(height) + 0.5) / height * 2 - 1) * reach * height / width
    rays = np.stack([*np.meshgrid(x, y), np.ones((height, width))], -1)
    return scene(rays / np.linalg.norm(rays, axis=-1, keepdims=True) @ turn.T)


def _directions(name: str, u: Image, v: Image) -> Image:
    """The directions of a face as it lies in its track; u and v are -1 to 1 in equal angles."""
    a, b, one = np.tan(u * np.pi / 4), np.tan(v * np.pi / 4), np.ones_like(u)
    vectors = np.stack({
        "left": (-one, b, a), "front": (a, b, one), "right": (one, b, -a),
        "down": (-b, one, -a), "back": (-b, -a, -one), "up": (-b, -one, a),
    }[name], -1)  # fmt: skip
    unit: Image = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit


def write_track(
    ffmpeg: str,
    out: Path,
    frames: Sequence[Image],
    *,
    rate: int = 10,
    gop: int = 5,
    pixels: str = "yuv420p",
    quality: Sequence[str] = ("-x265-params", "lossless=1:log-level=none"),
) -> Path:
    """A track as HEVC in full range, as GoPro writes it."""
    height, width, _ = frames[0].shape
    raw = b"".join(np.clip(np.rint(frame), 0, 255).astype(np.uint8).tobytes() for frame in frames)
    convert = "scale=out_color_matrix=bt709:out_range=full:flags=accurate_rnd+full_chroma_inp+full_chroma_int"
    tags = "range=pc:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    subprocess.run(
        [
            *(ffmpeg, "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"),
            *("-r", str(rate), "-i", "-", "-vf", f"{convert},format={pixels},setparams={tags}"),
            *("-c:v", "libx265", "-preset", "ultrafast", "-g", str(gop), "-bf", "0", *quality),
            *("-tag:v", "hvc1", str(out)),
        ],
        input=raw,
        check=True,
    )
    return out


def write_recording(ffmpeg: str, out: Path, first: Path, second: Path, *, name: str = "GoPro H.265") -> Path:
    """Both tracks in one file, with audio and an unrelated track between them."""
    subprocess.run(
        [
            *(ffmpeg, "-v", "error", "-y", "-i", str(first), "-f", "lavfi", "-i", "sine=997:d=1"),
            *("-i", str(second), "-map", "0:v", "-map", "1:a", "-map", "2:v", "-c:v", "copy", "-c:a", "aac"),
            *("-metadata:s:v:0", f"handler_name={name}", "-metadata:s:v:1", f"handler_name={name}"),
            *("-tag:v", "hvc1", "-f", "mp4", str(out)),
        ],
        check=True,
    )
    return out
