"""The exact engine: every job on every slot, in order of time, on one heap.

A job ends on its slot, and the slot claims the next job from the queue; an asset is ready when the last of
its jobs has ended. Instances boot, run, are drained, and are reclaimed by the market. A policy decides at
fixed intervals what to launch and what to drain. The same seed gives the same course.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush

import numpy as np

from eddyline.fleet.scaler.rules import PoolReading, WorkReading
from eddyline.sim.engine.control import Policy
from eddyline.sim.engine.fleet import Fleet, FleetRules
from eddyline.sim.engine.instance import Offer
from eddyline.sim.engine.overtime import check_overtime
from eddyline.sim.engine.rare_collections import rare_collections
from eddyline.sim.engine.result import RunResult, Sample
from eddyline.sim.engine.timers import Timers
from eddyline.sim.job_queue import JobQueue
from eddyline.sim.market.market import MarketPool
from eddyline.sim.queue import SimQueue
from eddyline.sim.queued_job import QueuedJob
from eddyline.sim.workload.asset_arrival import AssetArrival

_NEVER = float("inf")
_SAMPLE_S = 60.0


class ExactEngine:
    """One run; call `run` once.

    `arrivals` are in order of time; those after `end_s` are left out. `market` has the Spot offers by name.
    `deadline_s`: jobs get this deadline after their arrival (None: none).
    """

    def __init__(
        self,
        offers: Sequence[Offer],
        market: Mapping[str, MarketPool],
        arrivals: Iterable[AssetArrival],
        policy: Policy,
        *,
        end_s: float,
        seed: int,
        rules: FleetRules | None = None,
        deadline_s: float | None = None,
        queue: JobQueue | None = None,
    ) -> None:
        self.offers = offers
        self._queue: JobQueue = SimQueue() if queue is None else queue
        self._timers = Timers()
        self._fleet = Fleet(
            offers, market, queue=self._queue, timers=self._timers, rules=rules or FleetRules(), seed=seed
        )
        self._arrivals = iter(arrivals)
        self._policy = policy
        self._end_s = end_s
        self._seed = seed
        self._deadline_s = deadline_s
        self._open: dict[int, list[float]] = {}  # of an asset: the open jobs, and its arrival
        self._assets = 0
        self._ready_s = array("d")  # of millions of assets
        self._samples: list[Sample] = []
        self._counted = 0.0
        self._counted_at = 0.0
        self._over = False

    def run(self) -> RunResult:
        """Advance until the last asset is ready."""
        begun = time.perf_counter()
        self._timers.at(0.0, self._tick)
        self._timers.at(0.0, self._sample)
        with rare_collections():
            self._loop()
        fleet = self._fleet
        fleet.close(fleet.now)
        ready_s = np.frombuffer(self._ready_s, dtype=np.float64)
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

    def _loop(self) -> None:
        """The hot path: most events are ends of jobs whose slot takes the next one."""
        fleet, timers, queue = self._fleet, self._timers, self._queue
        heap, totals, open_jobs = timers.heap, fleet.totals, self._open
        claim, complete = queue.claim_one, queue.complete
        asset = next(self._arrivals, None)
        arrival = asset.at if asset is not None else _NEVER
        events = 0
        while not self._over:
            events += 1
            if arrival < heap[0][0] and asset is not None:
                fleet.now = arrival
                self._arrive(asset, arrival)
                asset = next(self._arrivals, None)
                arrival = asset.at if asset is not None and asset.at < self._end_s else _NEVER
                continue
            now, number, instance, action = heappop(heap)
            fleet.now = now
            if instance is None:
                if action is not None:
                    action(now)
                continue
            found = instance.running.pop(number, None)
            if found is None:
                events -= 1
                continue
            job = found[0]
            instance.knows_rates = True
            complete(job)
            totals.jobs_done += 1
            totals.done += job.weight
            if instance.offer.spot:
                totals.spot += job.weight
            progress = open_jobs[job.asset]
            progress[0] -= 1
            if not progress[0]:
                self._ready_s.append(now - progress[1])
                del open_jobs[job.asset]
            following = claim(now, instance) if instance.accepts else None
            if following is None:
                fleet.slot_freed(instance, now)
                continue
            end = now + following.weight / instance.speed
            timers.number = number = timers.number + 1
            instance.running[number] = (following, end)
            heappush(heap, (end, number, instance, None))
        totals.events = events

    def _arrive(self, asset: AssetArrival, now: float) -> None:
        self._assets += 1
        totals = self._fleet.totals
        deadline = None if self._deadline_s is None else now + self._deadline_s
        jobs = []
        for weight in asset.chunks:
            totals.jobs += 1
            totals.arrived += weight
            jobs.append(
                QueuedJob(
                    totals.jobs,
                    asset=self._assets,
                    owner=asset.owner,
                    priority=asset.priority,
                    weight=weight,
                    deadline=deadline,
                )
            )
        self._open[self._assets] = [len(jobs), now]
        self._queue.submit(now, jobs)
        if self._fleet.free:
            self._fleet.dispatch(now)

    # What a policy sees and does (`FleetControl`)

    def work(self) -> WorkReading:
        """The work now; arrivals are those since the last call."""
        fleet, queue = self._fleet, self._queue
        now = fleet.now
        seconds = now - self._counted_at
        arrived = fleet.totals.arrived - self._counted
        self._counted, self._counted_at = fleet.totals.arrived, now
        oldest = queue.oldest_ready()
        return WorkReading(
            now=now,
            arrived=arrived,
            seconds=seconds,
            waiting=queue.waiting_work(),
            oldest_s=0.0 if oldest is None else now - oldest,
            busy=fleet.busy,
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

    # At fixed intervals

    def _tick(self, now: float) -> None:
        self._policy.tick(self, now)
        if now >= self._end_s and not self._open:
            self._over = True
            return
        check_overtime(now, self._end_s, len(self._open))
        self._timers.at(now + self._policy.every_s, self._tick)

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
                busy=fleet.busy,
                waiting=self._queue.waiting_work(),
                cost_usd=fleet.billing.paid_usd(now),
                interruptions=fleet.totals.interruptions,
            )
        )
        self._timers.at(now + _SAMPLE_S, self._sample)
