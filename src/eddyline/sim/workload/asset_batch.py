"""Assets that arrive, as arrays: what the aggregate engine needs of them, without the single chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from eddyline.sim.workload.asset_arrival import AssetArrival

_ASSETS_PER_BATCH = 5000
_LEAST_S = 1e-3
"""A chunk of no time takes this long."""


@dataclass(frozen=True, kw_only=True)
class AssetBatch:
    """Assets in the order of their arrival; all arrays have one element for each.

    `at`: seconds after the start of the scenario. `jobs`: the number of chunks. `weight`: the mean run time
    of a chunk on a reference slot, in seconds. `spread`: the standard deviation of the logarithm of the run
    times of the chunks of one asset, the same for all assets.
    """

    at: NDArray[np.float64]
    jobs: NDArray[np.float64]
    weight: NDArray[np.float64]
    spread: float


def batches_of(arrivals: Iterable[AssetArrival]) -> Iterator[AssetBatch]:
    """Some thousand assets at a time; assets without chunks are left out."""
    left = (each for each in arrivals if each.chunks)
    while found := list(islice(left, _ASSETS_PER_BATCH)):
        jobs = np.array([len(each.chunks) for each in found], dtype=np.float64)
        chunks = np.maximum([chunk for each in found for chunk in each.chunks], _LEAST_S)
        numbers = jobs.astype(np.int64)
        first = np.concatenate([[0], np.cumsum(numbers)[:-1]])
        weight = np.add.reduceat(chunks, first) / jobs
        yield AssetBatch(
            at=np.array([each.at for each in found], dtype=np.float64),
            jobs=jobs,
            weight=weight,
            spread=_spread(np.log(chunks / np.repeat(weight, numbers)), numbers, first),
        )


def _spread(logs: NDArray[np.float64], numbers: NDArray[np.int64], first: NDArray[np.int64]) -> float:
    """The standard deviation of the logarithms within assets, without those of one chunk."""
    means = np.add.reduceat(logs, first) / numbers
    free = len(logs) - len(numbers)
    if not free:
        return 0.0
    return float(np.sqrt(np.square(logs - np.repeat(means, numbers)).sum() / free))
