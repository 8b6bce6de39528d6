"""The arrivals of a workload: all at once for short scenarios, or one after the other for long ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.asset_batch import AssetBatch, batches_of
from eddyline.sim.workload.generated import Generator
from eddyline.sim.workload.recorded_arrivals import replayed
from eddyline.sim.workload.workload import Workload

MAX_CHUNKS = 50_000_000
"""The most chunks that are held in memory at once."""


def arrivals(workload: Workload, *, seed: int, end_s: float) -> list[AssetArrival]:
    """The assets that arrive in [0, `end_s`) seconds, in order; equal for equal arguments.

    Raises `UsageError` for more than `MAX_CHUNKS` chunks (use `iter_arrivals`), and for invalid files.
    """
    if workload.recorded is None:
        expected = Generator.of(workload, seed=seed, end_s=end_s).expected_chunks
        if expected > MAX_CHUNKS:
            raise UsageError(
                f"the workload has about {expected:.2g} chunks; at most {MAX_CHUNKS:.2g} are supported here",
                remedy="use fewer hours or slots, a lower load, or a longer chunk_s",
            )
    return list(iter_arrivals(workload, seed=seed, end_s=end_s))


def iter_arrivals(workload: Workload, *, seed: int, end_s: float) -> Iterator[AssetArrival]:
    """The same assets as `arrivals`, generated hour by hour; holds those of one hour in memory.

    Recorded arrivals are all held: they are sorted, and at most `MAX_CHUNKS` chunks are supported.
    """
    if workload.recorded is not None:
        path = Path(workload.recorded)
        yield from replayed(workload, path, seed=seed, end_s=end_s, most=MAX_CHUNKS)
    else:
        yield from Generator.of(workload, seed=seed, end_s=end_s).arrivals()


def iter_batches(workload: Workload, *, seed: int, end_s: float) -> Iterator[AssetBatch]:
    """The same assets as `arrivals`, as arrays for the aggregate engine.

    Generated assets have their expected work here, not the sum of the run times that are drawn for chunks.
    """
    if workload.recorded is not None:
        yield from batches_of(iter_arrivals(workload, seed=seed, end_s=end_s))
    else:
        yield from Generator.of(workload, seed=seed, end_s=end_s).asset_batches()
