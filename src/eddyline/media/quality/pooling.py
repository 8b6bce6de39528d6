"""Pools the values of frames: mean, low percentiles and the worst frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from eddyline.media.quality.metrics import Metric, scale

FrameValues: TypeAlias = Mapping[Metric, Sequence[float]]
"""The values of the measured frames by metric, in the order of the frames."""

Pooled: TypeAlias = dict[str, float]
"""`mean`, `p5`, `p1` and `min`; of a metric whose high values are bad: `mean`, `p95`, `p99` and `max`."""


def pool(metric: Metric, values: Sequence[float]) -> Pooled:
    """The pooled values of at least one frame; p5 is the value that 5 % of the frames fall short of."""
    found = np.asarray(values, np.float64)
    names = {"p95": 95, "p99": 99, "max": 100} if scale(metric).bad_high else {"p5": 5, "p1": 1, "min": 0}
    pooled = {"mean": found.mean(), **{name: np.percentile(found, at) for name, at in names.items()}}
    return {name: round(float(value), scale(metric).digits) for name, value in pooled.items()}


def join_values(parts: Sequence[FrameValues]) -> FrameValues:
    """The values of consecutive groups of frames; all have the same metrics."""
    return {metric: [value for part in parts for value in part[metric]] for metric in parts[0]}
