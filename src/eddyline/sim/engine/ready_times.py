"""When assets are ready: from the curve of starts, and the time of the last of their jobs."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from eddyline.sim.engine.asset_flow import Finished
from eddyline.sim.engine.run_times import greatest_normals

_PARTS = (0.5, 0.25, 0.125, 0.0625, 0.0625)
"""Jobs of an asset that are started together, as shares of its jobs; smaller ones towards the end."""
_SAME_SPEED = 0.03
_LEAST_SHARE = 0.01
_TINY = 1e-12


class StartCurve:
    """How far starts have come by the end of each step, which slots took them, and which jobs were lost."""

    def __init__(self, speeds: NDArray[np.float64], *, step_s: float) -> None:
        self._order = np.argsort(speeds, kind="stable")
        self._speeds = speeds
        self._step_s = step_s
        self._first = 0  # the number of the first step that is held
        self._position = array("d")
        self._is_empty = array("b")  # whether no job waited at the end of the step
        self._lost = array("d")  # of the running jobs, the share that was lost in this step
        self._mix = np.zeros(len(speeds))

    def add(self, position: float, *, is_empty: bool, lost: float, started: NDArray[np.float64]) -> None:
        """A step has ended; `started`: the starts in each pool, whose slots have `speeds`."""
        self._position.append(position)
        self._is_empty.append(is_empty)
        self._lost.append(lost)
        self._mix += started

    def ready_s(
        self, assets: Finished, *, spread: float, lost_s: float, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """The time from the arrival of each asset until it is ready; forgets the steps that are over.

        `lost_s`: how long a lost job waits until it is started again.
        """
        speeds, shares = self._mixed_speeds()
        positions = np.frombuffer(self._position, dtype=np.float64).copy()
        empty = np.frombuffer(self._is_empty, dtype=np.int8).copy()
        lost = np.concatenate([[0.0], np.cumsum(np.frombuffer(self._lost, dtype=np.float64))])
        ready = np.zeros(len(assets.at))
        span = assets.end - assets.begin
        come = 0.0
        for part in _PARTS:
            started, steps = self._started(
                assets.begin + span * (come + part / 2), assets.at, positions, empty
            )
            come += part
            took = _greatest(assets.jobs * part, assets.weight, speeds, shares, spread, rng)
            ends = started + took
            np.maximum(ready, ends, out=ready)
            if lost[-1]:
                usual = assets.weight / float(speeds @ shares)
                until = self._steps_later(steps, usual, len(lost) - 1)
                expected = assets.jobs * part * (lost[until] - lost[steps])
                is_hit = rng.random(len(ready)) < -np.expm1(-expected)
                again = started + usual * (1 + rng.random(len(ready))) + lost_s
                np.maximum(ready, again, out=ready, where=is_hit)
        self._forget(assets, positions)
        return np.asarray(ready - assets.at, dtype=np.float64)

    def _started(
        self,
        wanted: NDArray[np.float64],
        arrived: NDArray[np.float64],
        positions: NDArray[np.float64],
        empty: NDArray[np.int8],
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """When the starts came to a position, and in which of the steps that are held."""
        steps = np.minimum(positions.searchsorted(wanted), len(positions) - 1)
        before = np.where(steps > 0, positions[np.maximum(steps - 1, 0)], 0.0)
        size = np.maximum(positions[steps] - before, _TINY)
        within = np.where(empty[steps] != 0, 0.0, np.clip((wanted - before) / size, 0.0, 1.0))
        return np.maximum((self._first + steps + within) * self._step_s, arrived), steps

    def _steps_later(
        self, steps: NDArray[np.int64], seconds: NDArray[np.float64], most: int
    ) -> NDArray[np.int64]:
        """The steps in which something ends that begins in `steps`."""
        taken = np.maximum(np.rint(seconds / self._step_s).astype(np.int64), 1)
        return np.asarray(np.minimum(steps + taken, most), dtype=np.int64)

    def _mixed_speeds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The speeds of slots and their shares of the starts; nearly equal speeds as one."""
        total = float(self._mix.sum())
        if not total:
            return np.ones(1), np.ones(1)
        speeds: list[float] = []
        shares: list[float] = []
        for pool in self._order.tolist():
            speed, share = float(self._speeds[pool]), float(self._mix[pool]) / total
            if share < _LEAST_SHARE / len(self._order):
                continue
            if speeds and speed <= speeds[-1] * (1 + _SAME_SPEED):
                speeds[-1] = (speeds[-1] * shares[-1] + speed * share) / (shares[-1] + share)
                shares[-1] += share
            else:
                speeds.append(speed)
                shares.append(share)
        found = np.array(shares)
        return np.array(speeds), found / found.sum()

    def _forget(self, assets: Finished, positions: NDArray[np.float64]) -> None:
        """Forget the steps before the last asset's end, but the one before it."""
        self._mix[:] = 0
        if not len(assets.end):
            return
        over = max(int(positions.searchsorted(assets.end[-1])) - 1, 0)
        del self._position[:over], self._is_empty[:over], self._lost[:over]
        self._first += over


def _greatest(
    jobs: NDArray[np.float64],
    weight: NDArray[np.float64],
    speeds: NDArray[np.float64],
    shares: NDArray[np.float64],
    spread: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """The longest run time of some jobs of each asset."""
    longest = np.zeros(len(jobs))
    for speed, share in zip(speeds, shares, strict=True):
        with np.errstate(divide="ignore"):
            normals = greatest_normals(np.log(rng.standard_exponential(len(jobs)) / (jobs * share)))
        np.maximum(longest, np.exp(spread * normals - spread**2 / 2) / speed, out=longest)
    return np.asarray(longest * weight, dtype=np.float64)
