"""Generates arrivals hour by hour: a Poisson process of assets whose rate follows the curve.

Each hour derives its random generator from the seed and its number, so that a long scenario
needs the memory of one hour. Sizes, chunks and owners are drawn for all assets of an hour at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from eddyline.core.errors import UsageError
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.asset_batch import AssetBatch
from eddyline.sim.workload.rate_curve import STEP_S, relative_rates, step_lengths
from eddyline.sim.workload.workload import Sizes, Workload

_STEPS_PER_BATCH = 60
_MAX_CHUNKS_PER_BATCH = 20_000_000
_SEED_OF_ARRIVALS = 1  # other parts of a scenario derive their generators from the same seed


def mean_minutes(sizes: Sizes) -> float:
    """The mean length of a source in minutes: that of a lognormal that is cut at `most_minutes`."""
    mu, sigma, most = math.log(sizes.median_minutes), sizes.sigma, sizes.most_minutes
    if not sigma:
        return sizes.median_minutes
    limit = (math.log(most) - mu) / sigma
    below = math.exp(mu + sigma**2 / 2) * _normal_cdf(limit - sigma)
    return below + most * (1 - _normal_cdf(limit))


def _normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


@dataclass(frozen=True, kw_only=True)
class Generator:
    """Draws the assets of one batch of steps.

    `expected` has the mean number of assets of each step, `lengths` its seconds; `work_per_asset` is the mean
    work of an asset in reference slot-seconds.
    """

    workload: Workload
    expected: NDArray[np.float64]
    lengths: NDArray[np.float64]
    work_per_minute: float
    work_per_asset: float
    seed: int

    @classmethod
    def of(cls, workload: Workload, *, seed: int, end_s: float) -> Self:
        """The generator of a workload of `end_s` seconds; raises `UsageError` for a negative seed."""
        if seed < 0:
            raise UsageError(f"the seed is {seed}", remedy="pass a seed of at least 0")
        codecs = workload.codecs.values()
        factor = sum(each.share * each.factor for each in codecs) / sum(each.share for each in codecs)
        work_per_minute = workload.work_per_minute()
        work_per_asset = mean_minutes(workload.sizes) * work_per_minute * factor
        lengths = step_lengths(end_s)
        rate = workload.slots * workload.load / work_per_asset
        return cls(
            workload=workload,
            expected=relative_rates(workload, end_s) * lengths * rate,
            lengths=lengths,
            work_per_minute=work_per_minute,
            work_per_asset=work_per_asset,
            seed=seed,
        )

    @property
    def expected_chunks(self) -> float:
        """An upper bound of the mean number of chunks, for limits."""
        return float(self.expected.sum()) * self._chunks_per_asset

    @property
    def _chunks_per_asset(self) -> float:
        return self.work_per_asset / self.workload.chunk_s + 1

    def arrivals(self) -> Iterator[AssetArrival]:
        """All assets in the order of their arrival; raises `UsageError` if an hour has too many chunks."""
        for first in range(0, len(self.lengths), _STEPS_PER_BATCH):
            chunks = float(self.expected[first : first + _STEPS_PER_BATCH].sum()) * self._chunks_per_asset
            if chunks > _MAX_CHUNKS_PER_BATCH:
                raise UsageError(
                    f"the workload has {chunks:.2g} chunks in an hour; "
                    f"at most {_MAX_CHUNKS_PER_BATCH:.2g} are supported",
                    remedy="use fewer slots, a lower load, or a longer chunk_s",
                )
            yield from self._batch(first)

    def asset_batches(self) -> Iterator[AssetBatch]:
        """The same assets hour by hour, with the number and the mean run time of their chunks.

        The run times of single chunks are not drawn, so that the time does not depend on their number.
        """
        for first in range(0, len(self.lengths), _STEPS_PER_BATCH):
            rng = self._rng(first)
            at = self._times(rng, first)
            _, work = self._work(rng, len(at))
            jobs = chunk_counts(work, self.workload.chunk_s).astype(np.float64)
            yield AssetBatch(at=at, jobs=jobs, weight=work / jobs, spread=self.workload.chunk_sigma)

    def _rng(self, first: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, _SEED_OF_ARRIVALS, first])

    def _batch(self, first: int) -> list[AssetArrival]:
        """The assets of `_STEPS_PER_BATCH` steps from `first`."""
        rng = self._rng(first)
        at = self._times(rng, first)
        chunks = self._chunks(rng, len(at))
        codecs = self._codecs_of(chunks)
        names, priorities = self._owners(rng, len(at))
        return [
            AssetArrival(*values)
            for values in zip(at.tolist(), names, codecs, priorities, chunks.tuples(), strict=True)
        ]

    def _times(self, rng: np.random.Generator, first: int) -> NDArray[np.float64]:
        """The sorted times of arrivals, in seconds."""
        stop = min(first + _STEPS_PER_BATCH, len(self.lengths))
        counts = rng.poisson(self.expected[first:stop])
        starts = np.repeat(np.arange(first, stop) * STEP_S, counts)
        at = starts + rng.random(len(starts)) * np.repeat(self.lengths[first:stop], counts)
        at.sort()
        return np.asarray(at, dtype=np.float64)

    def _chunks(self, rng: np.random.Generator, assets: int) -> _Chunks:
        """The codec and the chunks of some assets.

        The chunks of an asset are of equal length, as production plans them: by their estimated cost. Their
        run times vary by a lognormal factor of mean 1.
        """
        codecs, work = self._work(rng, assets)
        counts = chunk_counts(work, self.workload.chunk_s)
        times = np.repeat(work / counts, counts)
        sigma = self.workload.chunk_sigma
        times *= np.exp(sigma * rng.standard_normal(len(times)) - sigma**2 / 2)
        return _Chunks(codecs=codecs, counts=counts, times=times)

    def _work(self, rng: np.random.Generator, assets: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The number of the codec and the expected work of some assets, in reference slot-seconds."""
        workload = self.workload
        sizes = workload.sizes
        minutes = np.minimum(
            sizes.median_minutes * np.exp(sizes.sigma * rng.standard_normal(assets)), sizes.most_minutes
        )
        shares = np.array([each.share for each in workload.codecs.values()])
        codecs = rng.choice(len(shares), size=assets, p=shares / shares.sum())
        factors = np.array([each.factor for each in workload.codecs.values()])
        return codecs, minutes * self.work_per_minute * factors[codecs]

    def _codecs_of(self, chunks: _Chunks) -> list[str]:
        names = list(self.workload.codecs)
        return [names[index] for index in chunks.codecs.tolist()]

    def _owners(self, rng: np.random.Generator, assets: int) -> tuple[list[str], list[int]]:
        """The names and priorities of the owners of some assets."""
        owners = self.workload.owners
        cumulative = np.cumsum(np.arange(1, owners.count + 1, dtype=np.float64) ** -owners.zipf)
        picks = np.searchsorted(cumulative, rng.random(assets) * cumulative[-1], side="right")
        found = np.minimum(picks, owners.count - 1).tolist()
        digits = len(str(owners.count))
        names = [f"owner-{number:0{digits}d}" for number in range(1, owners.count + 1)]
        priorities = owners.priorities
        return (
            [names[each] for each in found],
            [priorities[each % len(priorities)] for each in found],
        )


@dataclass(frozen=True, kw_only=True)
class _Chunks:
    """Of each asset its codec's number and its number of chunks; the run times of all chunks in one array."""

    codecs: NDArray[np.int64]
    counts: NDArray[np.int64]
    times: NDArray[np.float64]

    def tuples(self) -> Iterator[tuple[float, ...]]:
        """The run times of the chunks of each asset."""
        times = self.times.tolist()
        start = 0
        for count in self.counts.tolist():
            yield tuple(times[start : start + count])
            start += count


def chunk_counts(work: NDArray[np.float64], chunk_s: float) -> NDArray[np.int64]:
    """The number of chunks of assets with this work in reference slot-seconds: no chunk above `chunk_s`."""
    return np.maximum(np.ceil(work / chunk_s - 1e-9), 1).astype(np.int64)
