"""The order of media in a file: stretches of each track, by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from eddyline.mp4.byte_ranges import Ints


@dataclass(frozen=True, kw_only=True)
class TrackTiming:
    """What the tables need to know of a track's samples: int64[n] sizes and durations, int32[n] rows.

    `units`, int64[n]: the samples are blocks of so many units of one size, and the tables count units.
    """

    size: Ints
    duration: Ints
    description: npt.NDArray[np.int32]
    timescale: int
    units: Ints | None = None

    @property
    def length(self) -> int:
        """Ticks of the whole media."""
        return int(self.duration.sum())


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Samples [first, last) of a track (its place in the list), which lie together in the file."""

    track: int
    first: int
    last: int


def plan_chunks(timings: Sequence[TrackTiming], interleave_s: float) -> list[Chunk]:
    """Cut each track into chunks of at most `interleave_s` seconds and order all of them by decode time.

    A chunk's samples share one sample description, as stsc wants it.
    """
    step = Fraction(interleave_s).limit_denominator(1000)
    found: list[tuple[Fraction, int, Chunk]] = []
    for place, timing in enumerate(timings):
        count = len(timing.size)
        if count == 0:
            continue
        dts = np.concatenate(([0], np.cumsum(timing.duration)[:-1]))
        span = max(int(step * timing.timescale), 1)
        slot = dts // span
        starts = np.flatnonzero((np.diff(slot) != 0) | (np.diff(timing.description) != 0)) + 1
        bounds = [0, *starts.tolist(), count]
        for first, last in pairwise(bounds):
            at = Fraction(int(dts[first]), timing.timescale)
            found.append((at, place, Chunk(track=place, first=first, last=last)))
    found.sort(key=lambda item: item[:2])
    return [chunk for _, _, chunk in found]
