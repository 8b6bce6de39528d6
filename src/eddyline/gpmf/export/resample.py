"""Resampling: values at evenly spaced times.

The times are the multiples of the period, so that streams resampled to one rate share them. Towards a lower
rate each value is the mean of the samples around its time (half a period to each side), so that no noise
folds into it; towards a higher rate it lies on the line between its neighbours. What cannot be averaged
(integers: codes, flags, fixes; text) is the nearest sample's. Nothing is invented in a gap: a time more than
three periods (of the slower of the two rates) from any sample is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import UsageError
from eddyline.gpmf.payloads import Floats, Int64s

MAX_SAMPLES = 50_000_000
_GAP_PERIODS = 3.0
_SAME = 1.0001


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Samples at `source` times (not decreasing) to be taken at `times`; `nearest` is each one's sample."""

    source: Floats
    times: Floats
    period_s: float
    nearest: Int64s
    fewer: bool

    def only(self, kept: npt.NDArray[np.bool_] | None) -> Grid:
        """The grid with some of its times; None: all of them."""
        if kept is None:
            return self
        return replace(self, times=self.times[kept], nearest=self.nearest[kept])

    def line(self, values: Floats) -> Floats:
        """Values on the lines between neighbours, never averaged: for times themselves."""
        found: Floats = np.interp(self.times, self.source, values) if len(self.times) else np.empty(0)
        return found

    def numbers(self, values: Floats) -> Floats:
        """Real values at the grid's times."""
        line = self.line(values)
        if not self.fewer or not len(self.times) or not np.isfinite(values).all():
            return line
        half = self.period_s / 2
        first, last = self.times - half, self.times + half
        mean = (self._area(last, values) - self._area(first, values)) / self.period_s
        # At either end a mean would be one-sided, and so of another time.
        return np.where((first >= self.source[0]) & (last <= self.source[-1]), mean, line)

    def _area(self, until: Floats, values: Floats) -> Floats:
        """The area below the lines from value to value, up to some times."""
        steps, rises = np.diff(self.source), np.diff(values)
        below = np.concatenate([np.zeros(1), np.cumsum(steps * (values[:-1] + values[1:]) / 2)])
        at = np.clip(np.searchsorted(self.source, until, side="right") - 1, 0, len(steps) - 1)
        past = until - self.source[at]
        slope = np.divide(rises, steps, out=np.zeros_like(rises), where=steps > 0)[at]
        area: Floats = below[at] + past * (values[at] + slope * past / 2)
        return area

    def angles(self, degrees: Floats) -> Floats:
        """The same for longitudes, which jump at 180 degrees."""
        smooth = self.numbers(np.unwrap(degrees, period=360.0))
        return (smooth + 180.0) % 360.0 - 180.0

    def picked(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The nearest samples' values."""
        return values[self.nearest]


def build_grid(source: Floats, rate_hz: float) -> Grid:
    """The grid of `rate_hz` over these times. Raises UsageError if it were enormous."""
    period = 1.0 / rate_hz
    if not len(source):
        nothing = np.empty(0)
        return Grid(
            source=source, times=nothing, period_s=period, nearest=nothing.astype(np.int64), fewer=False
        )
    first, last = np.ceil(source[0] * rate_hz - 1e-6), np.floor(source[-1] * rate_hz + 1e-6)
    if not last - first < MAX_SAMPLES:
        raise UsageError(f"more than {MAX_SAMPLES} samples at {rate_hz:g} Hz", remedy="ask for a lower rate")
    times = np.arange(first, last + 1) * period
    right = np.clip(np.searchsorted(source, times), 0, len(source) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(source[left] - times) <= np.abs(source[right] - times), left, right)
    usual = float(np.median(np.diff(source))) if len(source) > 1 else period
    near = np.abs(source[nearest] - times) <= _GAP_PERIODS * max(period, usual)
    return Grid(
        source=source,
        times=times[near],
        period_s=period,
        nearest=nearest[near].astype(np.int64),
        fewer=period > usual * _SAME and len(source) > 1,
    )
