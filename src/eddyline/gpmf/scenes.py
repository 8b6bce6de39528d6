"""What the camera saw: faces and scenes, by time.

FACE differs between cameras; its TYPE tells which it is:

| TYPE | cameras | fields |
|---|---|---|
| Lffff..., 5 or more | HERO6 to HERO9 | id, x, y, width, height, then others; shares of the picture |
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
_NEW = "BBSSSSSBB"
_OLD = "Lffff"


@dataclass(frozen=True, kw_only=True)
class Face:
    """One face at one time: position and size as shares of the picture (0 to 1), from its top left.

    `confidence`, `smile` and `blink` are 0 to 1, None where the camera does not tell.
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
    """What the camera took the scene for at one time: probabilities by name ("snow"), likeliest first."""

    time_s: float
    probabilities: dict[str, float]


def read_faces(stream: Stream) -> tuple[Face, ...]:
    """All faces of a FACE stream, by time; () where its layout is unknown."""
    times = stream.times[_owners(stream)].tolist()
    rows = stream.values.tolist()
    if stream.type == _NEW:
        return tuple(_new(time, row) for time, row in zip(times, rows, strict=True))
    if stream.type.startswith(_OLD):
        return tuple(_old(time, row) for time, row in zip(times, rows, strict=True))
    return ()


def read_scenes(stream: Stream) -> tuple[Scene, ...]:
    """All time steps of a SCEN stream; () where its layout is unknown."""
    if stream.type != "Ff":
        return ()
    return tuple(_scenes(stream))


def _scenes(stream: Stream) -> Iterator[Scene]:
    names = [SCENES.get(code, code) for code in stream.texts(0)]
    shares = stream.values[:, 1].tolist()
    steps = range(len(names) + 1) if stream.steps is None else stream.steps.tolist()
    for time, (first, last) in zip(stream.times.tolist(), pairwise(steps), strict=True):
        found = sorted(zip(shares[first:last], names[first:last], strict=True), reverse=True)
        yield Scene(time_s=time, probabilities={name: share for share, name in found})


def _owners(stream: Stream) -> Int64s:
    """The sample that each row belongs to."""
    if stream.steps is None:
        return np.arange(len(stream))
    return np.repeat(np.arange(len(stream)), np.diff(stream.steps))


def _old(time: float, row: list[float]) -> Face:
    return Face(time_s=time, id=int(row[0]), x=row[1], y=row[2], width=row[3], height=row[4])


def _new(time: float, row: list[float]) -> Face:
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
