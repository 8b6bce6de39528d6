"""The frame rate that a list of presentation times stands for."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from eddyline.core.timebase import nominal_rate
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.presentation import Presentation

_FASTEST, _SLOWEST = Fraction(1000), Fraction(1, 3600)  # frames/s


def frame_rate(shown: Presentation, timescale: int) -> tuple[Fraction, bool]:
    """The nominal frame rate, and whether frames stray from an even beat.

    A beat rounded to ticks, or to the milliseconds of Matroska, is even; frames left out or held are not.
    """
    count = len(shown)
    if count == 1:
        mean = Fraction(timescale, max(1, int(shown.end - shown.pts[0])))
        return min(max(nominal_rate(mean), _SLOWEST), _FASTEST), False
    span = max(1, int(shown.pts[-1] - shown.pts[0]))
    mean = Fraction(timescale * (count - 1), span)
    rate = nominal_rate(mean)
    variable = _strays(shown.pts, span, timescale)
    if not variable:
        rate = _within_rounding(rate, mean, shown.pts, timescale)
    return min(max(rate, _SLOWEST), _FASTEST), variable


def _strays(pts: Ints, span: int, timescale: int) -> bool:
    steps = len(pts) - 1
    # Exact in float64 up to 2^53 ticks; a tick more or less is within the tolerance anyway.
    away = (pts - pts[0]) - np.arange(steps + 1) * (span / steps)
    tolerance = max(2.0, min(0.002 * timescale, 0.5 * span / steps))
    return bool(away.max() - away.min() > tolerance)


def _within_rounding(rate: Fraction, mean: Fraction, pts: Ints, timescale: int) -> Fraction:
    """A standard rate that rounding hides: 30 frames of 29.97 fps in milliseconds measure 29.96."""
    if rate.denominator in {1, 1001}:
        return rate
    span = int(pts[-1] - pts[0])
    grain = _grain(np.diff(pts), timescale)
    for eighth in (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8, -8):
        length = span + Fraction(grain * eighth, 8)
        likely = nominal_rate(mean * span / length) if length > 0 else rate
        if likely.denominator in {1, 1001}:
            return likely
    return rate


def _grain(steps: Ints, timescale: int) -> int:
    """What times were rounded to, in ticks: a millisecond where all of them are whole ones, else a tick."""
    grain = int(np.gcd.reduce(steps))
    return grain if grain * 1000 >= timescale and grain * 3 < int(steps.min()) else 1
