"""Pools the values of frames: mean, low percentiles and the worst frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor
from statistics import fmean
from typing import Final, TypeAlias

from eddyline.media.quality.metrics import Metric, scale

FrameValues: TypeAlias = Mapping[Metric, Sequence[float]]
"""The values of the measured frames by metric, in the order of the frames."""

Pooled: TypeAlias = dict[str, float]
"""`mean`, `p5`, `p1` and `min`; of a metric whose high values are bad: `mean`, `p95`, `p99` and `max`."""


_LOW: Final = {"p5": 0.05, "p1": 0.01, "min": 0.0}
_HIGH: Final = {"p95": 0.95, "p99": 0.99, "max": 1.0}


def pool(metric: Metric, values: Sequence[float]) -> Pooled:
    """The pooled values of at least one frame; p5 is the value that 5 % of the frames fall short of."""
    found = sorted(values)
    names = _HIGH if scale(metric).bad_high else _LOW
    pooled = {"mean": fmean(found), **{name: _quantile(found, part) for name, part in names.items()}}
    return {name: round(value, scale(metric).digits) for name, value in pooled.items()}


def _quantile(ordered: Sequence[float], part: float) -> float:
    """The quantile with linear interpolation. NumPy's imports masked arrays."""
    place = part * (len(ordered) - 1)
    low = floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
