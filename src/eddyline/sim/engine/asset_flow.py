"""Assets in the order of their arrival, and how far their jobs have been started: in counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eddyline.sim.engine.run_times import RunTimes
from eddyline.sim.workload.asset_batch import AssetBatch

_EMPTY = np.zeros(0)
_NOTHING = 1e-6
_LEAST = 1e-12


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Assets all of whose jobs have been started, by the positions of their first and last units.

    The other arrays are those of `AssetBatch`.
    """

    at: NDArray[np.float64]
    jobs: NDArray[np.float64]
    weight: NDArray[np.float64]
    begin: NDArray[np.float64]
    end: NDArray[np.float64]


class AssetFlow:
    """The queue as a line of units: an asset occupies a span of it, and starts have come to `position`.

    A unit is a job; a job that takes less than a step counts for the part of a step that it occupies its
    slot. `speed` is the usual speed of slots.
    """

    def __init__(self, batches: Iterator[AssetBatch], *, end_s: float, step_s: float, speed: float) -> None:
        self._batches = batches
        self._end_s = end_s
        self._short_s = step_s * speed
        self.spread = 0.0
        self.most = 0.0
        self.changed = False
        self.position = 0.0
        self.jobs = 0.0
        self.assets = 0
        self.arrived_work = 0.0
        self._at = self._jobs = self._weight = self._span = self._units = self._work = _EMPTY
        self._bins = np.zeros(0, dtype=np.int64)
        self._above = _EMPTY
        self._placed: RunTimes | None = None
        self._unit_base = self._work_base = 0.0  # the line before the first asset that is held
        self._first = 0  # the asset at `position`
        self._come = 0  # assets that have arrived
        self._has_more = True

    def load(self, until: float) -> None:
        """Read batches until all arrivals before `until` are known. `changed`: there may be new weights."""
        while self._has_more and (not len(self._at) or self._at[-1] < until):
            batch = next(self._batches, None)
            if batch is None:
                self._has_more = False
                return
            keep = batch.at < self._end_s
            if not keep.all():
                self._has_more = False
            if keep.any():
                self._append(batch.at[keep], batch.jobs[keep], batch.weight[keep], batch.spread)

    def _append(
        self, at: NDArray[np.float64], jobs: NDArray[np.float64], weight: NDArray[np.float64], spread: float
    ) -> None:
        span = jobs * np.minimum(weight / self._short_s, 1.0)
        units = np.cumsum(span)
        work = np.cumsum(jobs * weight)
        self._units = np.concatenate([self._units, units + self._last(self._units, self._unit_base)])
        self._work = np.concatenate([self._work, work + self._last(self._work, self._work_base)])
        self._span = np.concatenate([self._span, span])
        self._at = np.concatenate([self._at, at])
        self._jobs = np.concatenate([self._jobs, jobs])
        self._weight = np.concatenate([self._weight, weight])
        self.most = max(self.most, float(weight.max()))
        self.spread = max(self.spread, spread)
        self.changed = True

    def _last(self, values: NDArray[np.float64], base: float) -> float:
        return float(values[-1]) if len(values) else base

    def place(self, run_times: RunTimes) -> None:
        """Sort the weights into the bins of `run_times`."""
        known = len(self._bins) if self._placed is run_times else 0
        bins, above = run_times.place(self._weight[known:])
        self._bins = np.concatenate([self._bins[:known], bins])
        self._above = np.concatenate([self._above[:known], above])
        self._placed = run_times
        self.changed = False

    def arrive(self, until: float) -> None:
        """Let the assets that arrive before `until` be started."""
        come = int(self._at.searchsorted(until))
        if come > self._come:
            self.assets += come - self._come
            self.jobs += float(self._jobs[self._come : come].sum())
            self._come = come
            self.arrived_work = float(self._work[come - 1])

    def waiting_units(self) -> float:
        """The units that have arrived and were not started."""
        return self._line_end() - self.position

    def waiting_work(self) -> float:
        """Their work, in reference slot-seconds."""
        return max(self.arrived_work - self._work_until(self.position, self._first), 0.0)

    @property
    def waiting_assets(self) -> int:
        """The assets some of whose units have arrived and were not started."""
        return self._come - self._first

    def oldest(self) -> float | None:
        """The arrival of the first asset that waits; None without one."""
        return float(self._at[self._first]) if self.waiting_units() > _NOTHING else None

    @property
    def is_over(self) -> bool:
        """Whether all assets have arrived and been started."""
        return not self._has_more and self._come == len(self._at) and self.waiting_units() <= _NOTHING

    def start(self, units: float, run_times: RunTimes) -> tuple[float, NDArray[np.float64]]:
        """Start the next units: returns their work, and the histogram of their weights."""
        begin, first = self.position, self._first
        end = min(begin + units, self._line_end())
        last = min(max(int(self._units.searchsorted(end - _NOTHING)), first), self._come - 1)
        work = self._work_until(end, last) - self._work_until(begin, first)
        jobs = self._span[first : last + 1].copy()
        jobs[0] -= begin - (float(self._units[first - 1]) if first else self._unit_base)
        jobs[-1] -= float(self._units[last]) - end
        np.maximum(jobs, _LEAST, out=jobs)
        shares = run_times.histogram(self._bins[first : last + 1], self._above[first : last + 1], jobs)
        self.position = end
        self._first = last + (end >= self._units[last] - _NOTHING)
        return max(work, 0.0), shares

    def finished(self) -> Finished:
        """Remove the assets all of whose units have been started."""
        count = self._first
        begin = np.concatenate([[self._unit_base], self._units[:count]])
        found = Finished(
            at=self._at[:count],
            jobs=self._jobs[:count],
            weight=self._weight[:count],
            begin=begin[:-1],
            end=self._units[:count],
        )
        if count:
            self._unit_base, self._work_base = float(self._units[count - 1]), float(self._work[count - 1])
        for name in ("_at", "_jobs", "_weight", "_span", "_units", "_work", "_bins", "_above"):
            setattr(self, name, getattr(self, name)[count:].copy())
        self._first = 0
        self._come -= count
        return found

    def _line_end(self) -> float:
        return float(self._units[self._come - 1]) if self._come else self._unit_base

    def _work_until(self, position: float, asset: int) -> float:
        """The work of the line until a position that is in the span of an asset."""
        if asset >= len(self._units):
            return self._last(self._work, self._work_base)
        units = float(self._units[asset - 1]) if asset else self._unit_base
        work = float(self._work[asset - 1]) if asset else self._work_base
        span = float(self._units[asset]) - units
        share = min(max((position - units) / span, 0.0), 1.0)
        return work + share * (float(self._work[asset]) - work)
