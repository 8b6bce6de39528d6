"""Frame rates of rungs: a rung shows every k-th frame of the source, so that each of its frames is exact."""

from __future__ import annotations

from fractions import Fraction

# A rate slightly above the limit is within it: a variable rate, or 60 frames/s measured as 60.1.
_TOLERANCE = Fraction(101, 100)


def frame_step(fps: Fraction, limit: float | None) -> int:
    """The smallest k for which every k-th frame of `fps` frames/s is within `limit`: 2 for 120 and 60.

    `limit` None: 1, all frames.
    """
    if limit is None:
        return 1
    return max(1, -int(-fps // (Fraction(str(limit)) * _TOLERANCE)))


def thinned_count(frames: int, step: int) -> int:
    """The number of frames of which every `step`-th of `frames` remains, beginning with the first."""
    return -(-frames // step)
