"""The load of a recommendation: the arrivals that are simulated, of a large load one part."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from eddyline.core.errors import UsageError
from eddyline.sim.workload.arrivals import arrivals
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.generated import Generator, mean_minutes
from eddyline.sim.workload.workload import PeakAt, Workload

MOST_CHUNKS = 60_000
"""The chunks of one run: about half a second of the exact engine."""

_HOUR_S, _DAY_H = 3600.0, 24.0
_LONGEST_S = 31 * 86_400.0


@dataclass(frozen=True, eq=False)
class Load:
    """`workload` for `end_s` seconds; of more than `MOST_CHUNKS` chunks, one `parts`-th is simulated."""

    workload: Workload
    end_s: float
    parts: float
    _drawn: dict[int, Sequence[AssetArrival]] = field(default_factory=dict, init=False, repr=False)

    @property
    def clips_per_day(self) -> float:
        """The assets that arrive in a day, of the whole load."""
        return len(self.arrivals(1)) * self.parts / self.end_s * _DAY_H * _HOUR_S

    def arrivals(self, seed: int) -> Sequence[AssetArrival]:
        """The assets that are simulated; drawn once for each seed."""
        if seed not in self._drawn:
            self._drawn[seed] = self._draw(seed)
        return self._drawn[seed]

    def _draw(self, seed: int) -> Sequence[AssetArrival]:
        workload, parts = self.workload, self.parts
        if workload.recorded is None:
            part = workload.model_copy(update={"load": workload.load / parts})
            return arrivals(part, seed=seed, end_s=self.end_s)
        rng = random.Random(f"{seed}/part")  # noqa: S311 - a simulation
        found = arrivals(workload, seed=seed, end_s=self.end_s)
        return found if parts <= 1 else [each for each in found if rng.random() * parts < 1]


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
        chunks = float(sum(len(each.chunks) for each in found))
        last_s = found[-1].at if found else 0.0
        end_s = workload.hours * _HOUR_S if workload.hours else (last_s // _HOUR_S + 1) * _HOUR_S
    else:
        end_s = min(workload.end_s(), _DAY_H * _HOUR_S)
        chunks = Generator.of(workload, seed=1, end_s=end_s).expected_chunks
    load = Load(workload, end_s, max(chunks / MOST_CHUNKS, 1.0))
    if not chunks or not load.arrivals(1):
        raise UsageError(
            "no asset arrives in the simulated time, so no plan can be compared",
            remedy="pass more --clips-per-day, or a --load with arrivals",
        )
    return load
