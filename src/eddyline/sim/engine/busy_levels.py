"""How many instances of a pool run how many jobs, when only the busy slots of all are counted."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_FULL = 0.999


def busy_levels(count: int, slots: int, share: float) -> list[tuple[int, int]]:
    """Of `count` instances with `slots` slots each, a `share` of which is busy: (busy slots, instances).

    A job goes to any instance with a free slot, so that the busy slots of an instance are about binomial. The
    counts are whole, and their sum is `count`; the least busy ones come first.
    """
    if share >= _FULL or count <= 0:
        return [(slots, count)]
    if share <= 1 - _FULL:
        return [(0, count)]
    below = np.rint(np.cumsum(_binomial(slots, share)) * count).astype(np.int64)
    below[-1] = count
    counts = np.diff(below, prepend=0)
    return [(level, int(number)) for level, number in enumerate(counts) if number > 0]


def _binomial(slots: int, share: float) -> NDArray[np.float64]:
    level = np.arange(slots + 1)
    logs = np.array([math.lgamma(slots + 1) - math.lgamma(k + 1) - math.lgamma(slots - k + 1) for k in level])
    return np.asarray(
        np.exp(logs + level * math.log(share) + (slots - level) * math.log1p(-share)), dtype=np.float64
    )
