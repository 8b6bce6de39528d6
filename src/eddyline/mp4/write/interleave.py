"""The order of media in a file: chunks of all tracks, ordered by time."""

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
    """The sizes and durations of a track's samples, int64[n], and their description rows, int32[n].

    `units`, int64[n]: the samples are blocks of this many units of equal size, and the tables count units.
    """

    size: Ints
    duration: Ints
    description: npt.NDArray[np.int32]
    timescale: int
    units: Ints | None = None

    @property
    def length(self) -> int:
        """Duration of the media in ticks."""
        return int(self.duration.sum())


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Samples [start, stop) of a track (its position in the list), contiguous in the file."""

    track: int
    start: int
    stop: int


def plan_chunks(timings: Sequence[TrackTiming], interleave_s: float) -> list[Chunk]:
    """Split each track into chunks of at most `interleave_s` seconds and order all chunks by decode time.

    A chunk's samples share one sample description, as stsc requires.
    """
    step = Fraction(interleave_s).limit_denominator(1000)
    chunks: list[tuple[Fraction, int, Chunk]] = []
    for number, timing in enumerate(timings):
        count = len(timing.size)
        if count == 0:
            continue
        dts = np.concatenate(([0], np.cumsum(timing.duration)[:-1]))
        span = max(int(step * timing.timescale), 1)
        slot = dts // span
        starts = np.flatnonzero((np.diff(slot) != 0) | (np.diff(timing.description) != 0)) + 1
        bounds = [0, *starts.tolist(), count]
        for start, stop in pairwise(bounds):
            at = Fraction(int(dts[start]), timing.timescale)
            chunks.append((at, number, Chunk(track=number, start=start, stop=stop)))
    chunks.sort(key=lambda item: item[:2])
    return [chunk for _, _, chunk in chunks]
