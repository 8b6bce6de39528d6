"""Faces and scenes that the camera detected, by time.

FACE differs between cameras; its TYPE identifies the layout:

| TYPE | cameras | fields |
|---|---|---|
| Lffff..., 5 or more | HERO6 to HERO9 | id, x, y, width, height, then others; fractions of the frame |
| BBSSSSSBB | HERO10 and later | version, confidence %, id, x, y, width, height, smile %, blink % |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from eddyline.gpmf.payloads import Int64s
from eddyline.gpmf.streams import Stream

SCENES = {
    "SNOW": "snow",
    "URBA": "urban",
    "INDO": "indoor",
    "WATR": "water",
    "VEGE": "vegetation",
    "BEAC": "beach",
}
_HERO10_TYPE = "BBSSSSSBB"
_HERO6_TYPE = "Lffff"


@dataclass(frozen=True, kw_only=True)
class Face:
    """One face at one time: position and size as fractions of the frame (0 to 1), from its top left.

    `confidence`, `smile` and `blink` are 0 to 1, None if the camera does not report them.
    """

    time_s: float
    id: int
    x: float
    y: float
    width: float
    height: float
    confidence: float | None = None
    smile: float | None = None
    blink: float | None = None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The scene classification at one time: probabilities by name ("snow"), the most likely first."""

    time_s: float
    probabilities: dict[str, float]


def read_faces(stream: Stream) -> tuple[Face, ...]:
    """All faces of a FACE stream, by time; () if its layout is unknown."""
    times = stream.times[_sample_of_row(stream)].tolist()
    rows = stream.values.tolist()
    if stream.type == _HERO10_TYPE:
        return tuple(_hero10_face(time, row) for time, row in zip(times, rows, strict=True))
    if stream.type.startswith(_HERO6_TYPE):
        return tuple(_hero6_face(time, row) for time, row in zip(times, rows, strict=True))
    return ()


def read_scenes(stream: Stream) -> tuple[Scene, ...]:
    """All time steps of a SCEN stream; () if its layout is unknown."""
    if stream.type != "Ff":
        return ()
    return tuple(_iter_scenes(stream))


def _iter_scenes(stream: Stream) -> Iterator[Scene]:
    names = [SCENES.get(code, code) for code in stream.texts(0)]
    shares = stream.values[:, 1].tolist()
    steps = range(len(names) + 1) if stream.steps is None else stream.steps.tolist()
    for time, (first, last) in zip(stream.times.tolist(), pairwise(steps), strict=True):
        found = sorted(zip(shares[first:last], names[first:last], strict=True), reverse=True)
        yield Scene(time_s=time, probabilities={name: share for share, name in found})


def _sample_of_row(stream: Stream) -> Int64s:
    """The sample of each row."""
    if stream.steps is None:
        return np.arange(len(stream))
    return np.repeat(np.arange(len(stream)), np.diff(stream.steps))


def _hero6_face(time: float, row: list[float]) -> Face:
    return Face(time_s=time, id=int(row[0]), x=row[1], y=row[2], width=row[3], height=row[4])


def _hero10_face(time: float, row: list[float]) -> Face:
    return Face(
        time_s=time,
        confidence=row[1] / 100,
        id=int(row[2]),
        x=row[3],
        y=row[4],
        width=row[5],
        height=row[6],
        smile=row[7] / 100,
        blink=row[8] / 100,
    )
