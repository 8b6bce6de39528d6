"""Arrivals that were recorded, as the simulator replays them."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import numpy as np

from eddyline.core.errors import UsageError
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.generated import chunk_counts
from eddyline.sim.workload.recorded_file import RecordedAsset, read_recorded
from eddyline.sim.workload.workload import Workload

_SEED_OF_CHUNKS = 2


def replayed(workload: Workload, path: Path, *, seed: int, end_s: float, most: int) -> list[AssetArrival]:
    """The assets of a file that arrive before `end_s`, in the order of their arrival.

    Of an asset with `minutes`, the chunks are planned and varied as in generated workloads: equal for equal
    seeds. Raises `UsageError` for an invalid file, and for more than `most` chunks.
    """
    rng = np.random.default_rng([seed, _SEED_OF_CHUNKS])
    found: list[AssetArrival] = []
    count = 0
    for each in _before(path, end_s):
        asset = _arrival(each, workload, rng)
        count += len(asset.chunks)
        if count > most:
            raise UsageError(
                f"{path}: more than {most} chunks arrive before {end_s:g} s",
                remedy="split the file, or use fewer hours",
            )
        found.append(asset)
    found.sort(key=attrgetter("at"))
    return found


def _before(path: Path, end_s: float) -> Iterator[RecordedAsset]:
    return (each for each in read_recorded(path) if each.at_s < end_s)


def _arrival(asset: RecordedAsset, workload: Workload, rng: np.random.Generator) -> AssetArrival:
    codec = asset.codec or next(iter(workload.codecs))
    chunks = asset.chunks
    if chunks is None:
        chunks = _planned(asset.minutes or 0.0, codec, workload, rng)
    return AssetArrival(asset.at_s, asset.owner, codec, asset.priority, chunks)


def _planned(minutes: float, codec: str, workload: Workload, rng: np.random.Generator) -> tuple[float, ...]:
    """The run times of the chunks of a source of some minutes."""
    if codec not in workload.codecs:
        raise UsageError(
            f"the recorded arrivals have sources in {codec[:60]!r}, which is not in the workload's codecs",
            remedy="add the codec with its factor to codecs, or record chunks instead of minutes",
        )
    work = minutes * workload.work_per_minute() * workload.codecs[codec].factor
    (count,) = chunk_counts(np.array([work]), workload.chunk_s).tolist()
    sigma = workload.chunk_sigma
    factors = np.exp(sigma * rng.standard_normal(count) - sigma**2 / 2)
    return tuple((work / count * factors).tolist())
