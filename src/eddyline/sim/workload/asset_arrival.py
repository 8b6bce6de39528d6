"""One asset that arrives with its chunks, and the sums of work that the oracle needs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eddyline.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class AssetArrival:
    """An asset that arrives `at` seconds after the start of the scenario.

    `chunks` has the run time of each chunk on a reference slot, in seconds. A lower `priority` goes first.
    """

    at: float
    owner: str
    codec: str
    priority: int
    chunks: tuple[float, ...]


def arrivals_per_step(
    found: Iterable[AssetArrival], *, end_s: float, step_s: float = 60.0
) -> NDArray[np.float64]:
    """The work that arrives in each step of `step_s` seconds, in reference slot-seconds.

    The result has one element for each step that begins before `end_s`. Raises `UsageError` for an arrival
    outside of [0, `end_s`).
    """
    steps = math.ceil(end_s / step_s)
    work = [0.0] * steps
    for each in found:
        if not 0 <= each.at < end_s:
            raise UsageError(
                f"an asset arrives at {each.at:g} s; the scenario lasts from 0 to {end_s:g} s",
                remedy="leave out arrivals after the end of the scenario",
            )
        work[int(each.at / step_s)] += sum(each.chunks)
    return np.array(work, dtype=np.float64)
