"""The aggregate engine: the same policies, markets and rules as the exact one, on counts in steps of time.

Instances are cohorts, jobs are fractions that occupy slots for the distribution of their run times, and the
queue is in order of arrival. What a step costs depends on the number of pools and of arriving assets,
not on that of instances and jobs. The same seed gives the same course.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappop
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from eddyline.core.errors import UsageError
from eddyline.fleet.scaler.rules import PoolReading, WorkReading
from eddyline.sim.engine.aggregate_fleet import AggregateFleet
from eddyline.sim.engine.asset_flow import AssetFlow
from eddyline.sim.engine.control import Policy
from eddyline.sim.engine.fleet import FleetRules
from eddyline.sim.engine.instance import Offer
from eddyline.sim.engine.overtime import check_overtime
from eddyline.sim.engine.ready_times import StartCurve
from eddyline.sim.engine.result import RunResult, Sample
from eddyline.sim.engine.run_times import RunTimes
from eddyline.sim.engine.timers import Timers
from eddyline.sim.market.market import MarketPool
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.asset_batch import AssetBatch, batches_of

_SAMPLE_S = 60.0
_COLLECT_S = 3600.0
_LOOK_AHEAD_S = 600.0
_NOTHING = 1e-6
_LAST_JOBS = 0.5
"""A run is over when less than this many jobs are left: the last fractions are those of one job."""


class AggregateEngine:
    """One run; call `run` once.

    As `ExactEngine`, without deadlines and priorities. `arrivals`: as batches (`iter_batches`), which is
    faster, or as single assets. `step_s`: the longest step; ticks of the policy are whole steps apart.
    """

    def __init__(
        self,
        offers: Sequence[Offer],
        market: Mapping[str, MarketPool],
        arrivals: Iterable[AssetArrival] | Iterable[AssetBatch],
        policy: Policy,
        *,
        end_s: float,
        seed: int,
        rules: FleetRules | None = None,
        step_s: float = 10.0,
    ) -> None:
        if not 0 < step_s < math.inf:
            raise UsageError(f"a step of {step_s:g} s is not a duration", remedy="pass 1 to 60 seconds")
        self.offers = offers
        self._rules = rules or FleetRules()
        self._steps_per_tick = max(math.ceil(policy.every_s / step_s - 1e-9), 1)
        self._step_s = policy.every_s / self._steps_per_tick
        self._timers = Timers()
        self._fleet = AggregateFleet(
            offers,
            market,
            timers=self._timers,
            rules=self._rules,
            seed=seed,
            step_s=self._step_s,
            end_s=end_s,
        )
        speed = sum(each.speed for each in offers) / max(len(offers), 1)
        self._queue = AssetFlow(_batches(arrivals), end_s=end_s, step_s=self._step_s, speed=speed)
        self._curve = StartCurve(self._fleet.flow.speed, step_s=self._step_s)
        self._policy = policy
        self._end_s = end_s
        self._seed = seed
        self._rng = np.random.default_rng([seed, 4])
        self._is_spot = np.array([each.spot for each in offers])
        self._ready_s: list[NDArray[np.float64]] = []
        self._samples: list[Sample] = []
        self._run_times: RunTimes | None = None
        self._shares: NDArray[np.float64] | None = None
        self._counted = 0.0
        self._counted_at = 0.0

    def run(self) -> RunResult:
        """Advance until the last asset is ready."""
        begun = time.perf_counter()
        fleet, queue = self._fleet, self._queue
        step = 0
        sampled = collected = 0.0
        while True:
            now = step * self._step_s
            self._pass_events(now)
            fleet.now = now
            fleet.close_noticed(now)
            if step % self._steps_per_tick == 0:
                self._policy.tick(self, now)
                if now >= self._end_s and self._is_over():
                    break
                check_overtime(now, self._end_s, queue.waiting_assets)
            if now >= sampled:
                self._sample(now)
                sampled += _SAMPLE_S
            self._advance(now + self._step_s)
            if now >= collected:
                self._collect()
                collected += _COLLECT_S
            step += 1
        self._collect()
        fleet.totals.jobs = fleet.totals.jobs_done = round(queue.jobs)
        fleet.totals.arrived = queue.arrived_work
        fleet.totals.events = step
        fleet.close(fleet.now)
        ready_s = np.concatenate([*self._ready_s, np.zeros(0)])
        ready_s.sort()
        return RunResult(
            seed=self._seed,
            end_s=self._end_s,
            totals=fleet.totals,
            ready_s=ready_s,
            samples=self._samples,
            lives=fleet.billing.lives,
            drains_s=fleet.drains_s,
            wall_s=time.perf_counter() - begun,
        )

    def _pass_events(self, now: float) -> None:
        heap, fleet = self._timers.heap, self._fleet
        while heap and heap[0][0] <= now:
            at, _, _, action = heappop(heap)
            fleet.now = at
            if action is not None:
                action(at)

    def _is_over(self) -> bool:
        flow, returned = self._fleet.flow, self._fleet.returned
        if not self._queue.is_over or returned.waiting + returned.pending > _NOTHING:
            return False
        return float(flow.busy.sum()) + flow.leaving_jobs <= _LAST_JOBS

    def _advance(self, until: float) -> None:
        """One step: assets arrive, and free slots take jobs."""
        fleet, queue = self._fleet, self._queue
        flow, returned = fleet.flow, fleet.returned
        queue.load(until + _LOOK_AHEAD_S)
        if queue.changed:
            self._new_weights()
        queue.arrive(until)
        flow.advance()
        free = flow.free()
        total = float(free.sum())
        started = np.zeros(len(free))
        waiting = queue.waiting_units()
        if total > _NOTHING and self._run_times is not None and waiting + returned.waiting > _NOTHING:
            again, work = returned.start(total)
            if again and self._shares is not None:
                started += self._start(again, work, free, total, self._shares)
            units = min(waiting, total - again)
            if units > _NOTHING:
                work, self._shares = queue.start(units, self._run_times)
                fleet.job_weight = max(work / units, _NOTHING)
                started += self._start(units, work, free, total, self._shares)
        lost, returned.lost = returned.lost, 0.0
        self._curve.add(
            queue.position,
            is_empty=queue.waiting_units() <= _NOTHING,
            lost=lost / (float(flow.busy.sum()) + lost) if lost else 0.0,
            started=started,
        )

    def _start(
        self, jobs: float, work: float, free: NDArray[np.float64], total: float, shares: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Start jobs on the free slots of all pools alike."""
        if self._run_times is None:
            return free * 0
        by_pool = free * (jobs / total)
        self._fleet.flow.start(by_pool, self._run_times, shares)
        totals = self._fleet.totals
        totals.done += work
        totals.spot += work * float(by_pool[self._is_spot].sum()) / jobs
        return by_pool

    def _new_weights(self) -> None:
        queue, known = self._queue, self._run_times
        if known is None or queue.most > known.most or queue.spread > known.spread:
            self._run_times = RunTimes(
                queue.most,
                self._fleet.flow.speeds,
                spread=queue.spread,
                step_s=self._step_s,
            )
            self._shares = None
        if self._run_times is not None:
            queue.place(self._run_times)

    def _collect(self) -> None:
        """The ready times of the assets whose jobs have all been started."""
        found = self._queue.finished()
        if len(found.at):
            self._ready_s.append(
                self._curve.ready_s(
                    found, spread=self._queue.spread, lost_s=self._rules.lost_after_s, rng=self._rng
                )
            )

    # What a policy sees and does (`FleetControl`)

    def work(self) -> WorkReading:
        """The work now; arrivals are those since the last call."""
        fleet, queue = self._fleet, self._queue
        now = fleet.now
        arrived, seconds = queue.arrived_work - self._counted, now - self._counted_at
        self._counted, self._counted_at = queue.arrived_work, now
        oldest = queue.oldest()
        return WorkReading(
            now=now,
            arrived=arrived,
            seconds=seconds,
            waiting=queue.waiting_work() + fleet.returned.waiting_work(),
            oldest_s=0.0 if oldest is None else max(now - oldest, 0.0),
            busy=fleet.flow.busy_power(),
        )

    def pools(self) -> list[PoolReading]:
        """The instances of each offer."""
        now = self._fleet.now
        return [
            PoolReading(
                usd_h=pool.offer.usd_h,
                power=pool.offer.power,
                spot=pool.offer.spot,
                booting=pool.booting,
                ready=pool.ready,
                interrupted=pool.interrupted,
                hours=pool.hours(now),
            )
            for pool in self._fleet.pools
        ]

    def launch(self, pool: int, count: int) -> int:
        """Launch up to `count` instances; returns how many there was capacity for."""
        return self._fleet.launch(pool, count)

    def drain(self, power: float, *, spot: bool) -> float:
        """Drain instances of at most this power; returns the power of those that it drains."""
        return self._fleet.drain(power, spot=spot)

    def _sample(self, now: float) -> None:
        fleet = self._fleet
        power = {True: 0.0, False: 0.0}
        booting = 0.0
        for pool in fleet.pools:
            each = pool.offer.power
            power[pool.offer.spot] += (pool.ready + pool.booting) * each
            booting += pool.booting * each
        self._samples.append(
            Sample(
                at=now,
                spot=power[True],
                on_demand=power[False],
                booting=booting,
                busy=fleet.flow.busy_power(),
                waiting=self._queue.waiting_work() + fleet.returned.waiting_work(),
                cost_usd=fleet.billing.paid_usd(now),
                interruptions=fleet.totals.interruptions,
            )
        )


def _batches(arrivals: Iterable[AssetArrival] | Iterable[AssetBatch]) -> Iterator[AssetBatch]:
    """Batches as they are; single assets in batches."""
    each = iter(arrivals)
    first = next(each, None)
    if first is None:
        return iter(())
    if isinstance(first, AssetBatch):
        return chain([first], each)  # type: ignore[list-item,arg-type,unused-ignore]
    return batches_of(chain([first], each))  # type: ignore[list-item,arg-type,unused-ignore]
