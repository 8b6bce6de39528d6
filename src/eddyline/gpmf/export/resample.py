"""Resampling: values at evenly spaced times.

The times are the multiples of the period, so that streams resampled to one rate share them. Towards a lower
rate each value is the mean of the samples around its time (half a period to each side), which prevents
aliasing; towards a higher rate it is interpolated between its neighbours. Values that cannot be averaged
(integers: codes, flags, fixes; text) are those of the nearest sample. Gaps are not filled: a time more than
three periods (of the slower of the two rates) from any sample is omitted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import UsageError
from eddyline.gpmf.payloads import Floats, Int64s

MAX_SAMPLES = 50_000_000
_GAP_PERIODS = 3.0
_EQUAL_RATE = 1.0001


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Samples at `source` times (not decreasing), resampled at `times`; `nearest` is each one's sample."""

    source: Floats
    times: Floats
    period_s: float
    nearest: Int64s
    fewer: bool

    def select(self, kept: npt.NDArray[np.bool_] | None) -> Grid:
        """The grid with some of its times; None: all of them."""
        if kept is None:
            return self
        return replace(self, times=self.times[kept], nearest=self.nearest[kept])

    def interpolate(self, values: Floats) -> Floats:
        """Values interpolated between neighbours, never averaged: for times themselves."""
        found: Floats = np.interp(self.times, self.source, values) if len(self.times) else np.empty(0)
        return found

    def resample(self, values: Floats) -> Floats:
        """Real values at the grid's times."""
        line = self.interpolate(values)
        if not self.fewer or not len(self.times) or not np.isfinite(values).all():
            return line
        half = self.period_s / 2
        first, last = self.times - half, self.times + half
        mean = (self._area(last, values) - self._area(first, values)) / self.period_s
        # At both ends the mean would be one-sided, that is, the value of another time.
        return np.where((first >= self.source[0]) & (last <= self.source[-1]), mean, line)

    def _area(self, stop: Floats, values: Floats) -> Floats:
        """The area below the interpolated values up to some times."""
        steps, rises = np.diff(self.source), np.diff(values)
        below = np.concatenate([np.zeros(1), np.cumsum(steps * (values[:-1] + values[1:]) / 2)])
        at = np.clip(np.searchsorted(self.source, stop, side="right") - 1, 0, len(steps) - 1)
        past = stop - self.source[at]
        slope = np.divide(rises, steps, out=np.zeros_like(rises), where=steps > 0)[at]
        area: Floats = below[at] + past * (values[at] + slope * past / 2)
        return area

    def resample_longitudes(self, degrees: Floats) -> Floats:
        """`resample` for longitudes, which wrap at 180 degrees."""
        smooth = self.resample(np.unwrap(degrees, period=360.0))
        return (smooth + 180.0) % 360.0 - 180.0

    def pick(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The nearest samples' values."""
        return values[self.nearest]


def build_grid(source: Floats, rate_hz: float) -> Grid:
    """The grid of `rate_hz` over these times. Raises UsageError if it is too large."""
    period = 1.0 / rate_hz
    if not len(source):
        empty = np.empty(0)
        return Grid(source=source, times=empty, period_s=period, nearest=empty.astype(np.int64), fewer=False)
    first, last = np.ceil(source[0] * rate_hz - 1e-6), np.floor(source[-1] * rate_hz + 1e-6)
    if not last - first < MAX_SAMPLES:
        raise UsageError(f"more than {MAX_SAMPLES} samples at {rate_hz:g} Hz", remedy="pass a lower rate")
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
        fewer=period > usual * _EQUAL_RATE and len(source) > 1,
    )
