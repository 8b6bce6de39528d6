"""Reduces a stream to pairs of least and greatest values, so that a chart shows every peak.

Time is divided into equal buckets. Each bucket gives the minimum and the maximum of every element over its
samples: values that the camera recorded, not averages or interpolations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.generic]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Reduced:
    """`minima[e][i]` and `maxima[e][i]` of element `e` over the samples from `times[i]` to the next time.

    `samples` counts the samples in the range. If it is not `reduced`, every bucket is one sample.
    """

    times: Floats = field(repr=False)
    minima: list[Numbers] = field(repr=False)
    maxima: list[Numbers] = field(repr=False)
    samples: int
    reduced: bool


def reduce(
    times: Floats, columns: Sequence[Numbers], *, start_s: float | None, end_s: float | None, points: int
) -> Reduced:
    """The samples in [start_s, end_s) seconds (None: unlimited) as at most `points` points of each element.

    A bucket counts as two points. `times` must not decrease. Buckets without samples are left out; NaN is
    ignored where a bucket has another value.
    """
    first = 0 if start_s is None else int(np.searchsorted(times, start_s, side="left"))
    stop = len(times) if end_s is None else int(np.searchsorted(times, end_s, side="left"))
    stop = max(first, stop)
    inside = times[first:stop]
    if len(inside) <= max(points, 2):
        own = [np.asarray(column[first:stop]) for column in columns]
        return Reduced(times=np.asarray(inside), minima=own, maxima=own, samples=len(inside), reduced=False)
    starts = _bucket_starts(inside, max(points // 2, 1))
    minima, maxima = [], []
    for column in columns:
        values = column[first:stop]
        minima.append(np.fmin.reduceat(values, starts))
        maxima.append(np.fmax.reduceat(values, starts))
    return Reduced(
        times=np.asarray(inside[starts]), minima=minima, maxima=maxima, samples=len(inside), reduced=True
    )


def _bucket_starts(times: Floats, count: int) -> Int64s:
    """The first sample of each bucket that has samples."""
    edges = np.linspace(times[0], times[-1], count, endpoint=False)
    return np.unique(np.searchsorted(times, edges, side="left")).astype(np.int64)
