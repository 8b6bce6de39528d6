"""Quantiles of durations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eddyline.fleet.dashboard.window import Floats


@dataclass(frozen=True, kw_only=True)
class Quantiles:
    """Quantiles of `count` values; None without values.

    p50 and p95 are the smallest values that at least this share of the values does not exceed.
    """

    count: int
    p50: float | None
    p95: float | None
    max: float | None


def quantiles_of(values: Floats) -> Quantiles:
    """The quantiles of values in any order."""
    if not len(values):
        return Quantiles(count=0, p50=None, p95=None, max=None)
    p50, p95 = np.quantile(values, (0.5, 0.95), method="inverted_cdf")
    return Quantiles(count=len(values), p50=float(p50), p95=float(p95), max=float(values.max()))
