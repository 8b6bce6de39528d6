"""Presentation times of the frames of a video."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from eddyline.mp4.byte_ranges import Ints


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The start of each frame (`pts`, ascending) and the end of the last one, in ticks of 1/`timescale` s."""

    pts: Ints
    end: int
    timescale: int

    @property
    def frames(self) -> int:
        """The number of shown frames."""
        return len(self.pts)

    @property
    def start_s(self) -> Fraction:
        """When the first frame is shown, in seconds."""
        return Fraction(int(self.pts[0]), self.timescale)

    @property
    def end_s(self) -> Fraction:
        """When the last frame ends, in seconds."""
        return Fraction(self.end, self.timescale)

    @property
    def last_s(self) -> Fraction:
        """The duration of the last frame, in seconds."""
        return Fraction(self.end - int(self.pts[-1]), self.timescale)

    def thinned(self, step: int) -> Timeline:
        """The times of every `step`-th frame, beginning with the first."""
        return Timeline(pts=self.pts[::step], end=self.end, timescale=self.timescale)

    def has_same_frames(self, other: Timeline) -> bool:
        """Whether both show the same number of frames at the same times; timescales may differ.

        The duration of the last frame may differ: sample tables have durations in decode order, so at a
        variable rate, with other B-frames, the last shown frame has the duration of another one.
        """
        return bool(
            len(self.pts) == len(other.pts)
            and np.array_equal(self.pts * other.timescale, other.pts * self.timescale)
            and abs(self.end_s - other.end_s) < min(self.last_s, other.last_s)
        )
