"""The segment duration that makes the packager cut on the frame grid.

Shaka Packager 3.8 starts a segment at a keyframe at presentation time t if floor(t / D) differs from that of
the current segment (ChunkingHandler). D is in whole ticks of the track, truncated from seconds. A D rounded
above the true value makes it miss a keyframe: the playlist then has one long segment and one segment too few.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from eddyline.media.streaming.timeline import Timeline

_AUDIO_FRAME_S = Fraction(1024, 8000)  # of AAC at the lowest sample rate
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SegmentDuration:
    """`ticks` of 1/`timescale` s per segment; `first` are the numbers of the keyframes that start a segment.

    `on_grid`: every segment has the grid's number of GOPs. With frames at irregular times no single duration
    achieves that, and segments follow the time instead.
    """

    ticks: int
    timescale: int
    first: tuple[int, ...]
    on_grid: bool

    @property
    def option(self) -> str:
        """The packager's --segment_duration: half a tick more, which truncation to whole ticks removes."""
        return f"{float(Fraction(2 * self.ticks + 1, 2 * self.timescale)):.12f}"

    def target(self, keyframes: Timeline) -> int:
        """The target duration (s) of such video and its audio: the longest segment, rounded.

        Audio segments end up to a frame after this duration. The target is known before anything is encoded,
        so that the playlist of a preview, which may not change it, has that of the final stream.
        """
        times = [*(int(keyframes.pts[number]) for number in self.first), keyframes.end]
        longest = max(Fraction(end - start, keyframes.timescale) for start, end in pairwise(times))
        longest = max(longest, Fraction(self.ticks, self.timescale))
        return max(int(longest + _AUDIO_FRAME_S + Fraction(1, 2)), 1)


def segment_starts(keyframes: Ints, ticks: int) -> tuple[int, ...]:
    """The numbers of the keyframes (times in ticks, ascending) at which the packager starts a segment."""
    if not len(keyframes):
        return ()
    places = np.maximum(keyframes, 0) // ticks
    first = [0]
    for number in range(1, len(places)):
        # The packager also tolerates an index one lower, which ascending times exclude.
        if places[number] > places[first[-1]]:
            first.append(number)
    return tuple(first)


def choose_segment_duration(
    keyframes: Ints, *, gops: int, timescale: int, segment_s: Fraction
) -> SegmentDuration:
    """The segment duration for keyframes at these times (ticks), with a segment every `gops` keyframes.

    Finds a whole number of ticks D with k*D <= t of the k-th segment's first keyframe, and (k+1)*D > t of its
    last one: the cuts are then exactly those of the grid.
    """
    nominal = max(1, int(segment_s * timescale))
    ticks = min(_upper_bound(keyframes[::gops]), nominal)
    if ticks >= _lower_bound(keyframes, gops):
        wanted = tuple(range(0, len(keyframes), gops))
        if segment_starts(keyframes, ticks) == wanted:
            return SegmentDuration(ticks=ticks, timescale=timescale, first=wanted, on_grid=True)
    return SegmentDuration(
        ticks=nominal, timescale=timescale, first=segment_starts(keyframes, nominal), on_grid=False
    )


def _upper_bound(starts: Ints) -> int:
    later = np.arange(1, len(starts), dtype=np.int64)
    return int((starts[1:] // later).min()) if len(later) else int(np.iinfo(np.int64).max)


def _lower_bound(keyframes: Ints, gops: int) -> int:
    segment = np.arange(len(keyframes), dtype=np.int64) // gops
    return max(1, int((keyframes // (segment + 1)).max()) + 1) if len(keyframes) else 1
