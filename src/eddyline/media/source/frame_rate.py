"""Calculates the nominal frame rate from presentation times."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from eddyline.core.timebase import nominal_rate
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.presentation import Presentation

_FASTEST, _SLOWEST = Fraction(1000), Fraction(1, 3600)  # frames/s


def frame_rate(shown: Presentation, timescale: int) -> tuple[Fraction, bool]:
    """Return the nominal frame rate, and whether the rate is variable.

    Times rounded to ticks, or to the milliseconds of Matroska, count as constant; dropped or held frames do
    not.
    """
    count = len(shown)
    if count == 1:
        mean = Fraction(timescale, max(1, int(shown.end - shown.pts[0])))
        return min(max(nominal_rate(mean), _SLOWEST), _FASTEST), False
    span = max(1, int(shown.pts[-1] - shown.pts[0]))
    mean = Fraction(timescale * (count - 1), span)
    rate = nominal_rate(mean)
    variable = _is_variable(shown.pts, span, timescale)
    if not variable:
        rate = _standard_rate(rate, mean, shown.pts, timescale)
    return min(max(rate, _SLOWEST), _FASTEST), variable


def _is_variable(pts: Ints, span: int, timescale: int) -> bool:
    steps = len(pts) - 1
    # Exact in float64 up to 2^53 ticks; an error of one tick is within the tolerance.
    deviation = (pts - pts[0]) - np.arange(steps + 1) * (span / steps)
    tolerance = max(2.0, min(0.002 * timescale, 0.5 * span / steps))
    return bool(deviation.max() - deviation.min() > tolerance)


def _standard_rate(rate: Fraction, mean: Fraction, pts: Ints, timescale: int) -> Fraction:
    """Return a standard rate within the rounding error: 29.97 fps in milliseconds may measure 29.96."""
    if rate.denominator in {1, 1001}:
        return rate
    span = int(pts[-1] - pts[0])
    unit = _rounding_unit(np.diff(pts), timescale)
    for eighth in (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8, -8):
        length = span + Fraction(unit * eighth, 8)
        candidate = nominal_rate(mean * span / length) if length > 0 else rate
        if candidate.denominator in {1, 1001}:
            return candidate
    return rate


def _rounding_unit(steps: Ints, timescale: int) -> int:
    """Return the unit of the times in ticks: a millisecond if all are whole milliseconds, else one tick."""
    unit = int(np.gcd.reduce(steps))
    return unit if unit * 1000 >= timescale and unit * 3 < int(steps.min()) else 1
