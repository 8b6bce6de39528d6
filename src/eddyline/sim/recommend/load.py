"""The load of a recommendation: the arrivals that are simulated, and by which engine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from eddyline.core.errors import UsageError
from eddyline.sim.workload.arrivals import arrivals, iter_batches
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.asset_batch import AssetBatch, batches_of
from eddyline.sim.workload.generated import Generator, mean_minutes
from eddyline.sim.workload.workload import PeakAt, Workload

MOST_CHUNKS = 60_000
"""The most chunks of a run of the exact engine: about half a second. The aggregate one runs larger loads."""
MOST_ASSETS = 100_000
"""The most assets of a run of the aggregate engine: about a second."""

_HOUR_S, _DAY_H = 3600.0, 24.0
_LONGEST_S = 31 * 86_400.0


@dataclass(frozen=True, eq=False)
class Load:
    """`workload` for `end_s` seconds. Of more than `MOST_ASSETS` assets, one `parts`-th is simulated.

    `exact`: it is small enough for the exact engine.
    """

    workload: Workload
    end_s: float
    exact: bool
    parts: float
    _drawn: dict[int, Sequence[AssetArrival] | Sequence[AssetBatch]] = field(
        default_factory=dict, init=False, repr=False
    )

    @property
    def clips_per_day(self) -> float:
        """The assets that arrive in a day, of the whole load."""
        return self.assets * self.parts / self.end_s * _DAY_H * _HOUR_S

    @property
    def assets(self) -> int:
        """The number of assets that are simulated with the first seed."""
        return sum(len(each.at) if isinstance(each, AssetBatch) else 1 for each in self.arrivals(1))

    @property
    def mean_slots(self) -> float:
        """The mean work that is simulated, in reference slots."""
        found = self.arrivals(1)
        work = sum(
            float(each.jobs @ each.weight) if isinstance(each, AssetBatch) else sum(each.chunks)
            for each in found
        )
        return work / self.end_s

    def arrivals(self, seed: int) -> Sequence[AssetArrival] | Sequence[AssetBatch]:
        """The assets that are simulated, for the engine of this load; drawn once for each seed."""
        if seed not in self._drawn:
            self._drawn[seed] = self._draw(seed)
        return self._drawn[seed]

    def _draw(self, seed: int) -> Sequence[AssetArrival] | Sequence[AssetBatch]:
        workload, parts = self.workload, self.parts
        if workload.recorded is None:
            part = workload.model_copy(update={"load": workload.load / parts})
            if self.exact:
                return arrivals(part, seed=seed, end_s=self.end_s)
            return list(iter_batches(part, seed=seed, end_s=self.end_s))
        rng = random.Random(f"{seed}/part")  # noqa: S311 - a simulation
        found = arrivals(workload, seed=seed, end_s=self.end_s)
        chosen = found if parts <= 1 else [each for each in found if rng.random() * parts < 1]
        return chosen if self.exact else list(batches_of(chosen))


def daily_load(clips_per_day: float, *, frame_rate: float, work: float) -> Load:
    """Clips like those of cameras, most of them at noon; `work`: of a frame, relative to the measured job."""
    workload = Workload(frames_per_second=frame_rate)
    workload = workload.model_copy(update={"encode_speed": workload.encode_fps() / work})
    seconds = mean_minutes(workload.sizes) * workload.work_per_minute()
    slots = clips_per_day * seconds / (_DAY_H * _HOUR_S) / workload.load
    # From the trough to the peak: the other half of the day mirrors it.
    return load_of(
        workload.model_copy(
            update={
                "slots": slots,
                "shape": "daily",
                "hours": _DAY_H / 2,
                "peak_at": PeakAt(day_h=_DAY_H / 2),
            }
        )
    )


def load_of(workload: Workload) -> Load:
    """The load of a workload: at most its first day; of recorded arrivals, all.

    Raises `UsageError` for a workload without assets, and for invalid files.
    """
    if workload.recorded is not None:
        found = arrivals(workload, seed=1, end_s=_LONGEST_S)
        assets, chunks = float(len(found)), float(sum(len(each.chunks) for each in found))
        last_s = found[-1].at if found else 0.0
        end_s = workload.hours * _HOUR_S if workload.hours else (last_s // _HOUR_S + 1) * _HOUR_S
    else:
        end_s = min(workload.end_s(), _DAY_H * _HOUR_S)
        generator = Generator.of(workload, seed=1, end_s=end_s)
        assets, chunks = float(generator.expected.sum()), generator.expected_chunks
    exact = chunks <= MOST_CHUNKS
    load = Load(workload, end_s, exact, 1.0 if exact else max(assets / MOST_ASSETS, 1.0))
    if not chunks or not load.assets:
        raise UsageError(
            "no asset arrives in the simulated time, so no plan can be compared",
            remedy="pass more --clips-per-day, or a --load with arrivals",
        )
    return load
