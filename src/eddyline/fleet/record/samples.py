"""Samples of capacity and load, one a minute and pool."""

from __future__ import annotations

from eddyline.graph.pool_sample import PoolSample

__all__ = ["PoolSample", "minute_of"]

_MINUTE_S = 60


def minute_of(at: float) -> int:
    """The start of the minute that contains `at`, both in seconds since 1970: a sample's `minute`."""
    return int(at // _MINUTE_S) * _MINUTE_S
