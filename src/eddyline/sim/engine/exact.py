"""The exact engine: every job on every slot, in order of time, on one heap.

A job ends on its slot, and the slot claims the next job from the queue; an asset is ready when the last of its
jobs has ended. Instances boot, run, are drained, and are reclaimed by the market. A policy decides at fixed
intervals what to launch and what to drain. The same seed gives the same course.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Protocol

from eddyline.sim.engine.instance import Offer, SimInstance, SimPool
from eddyline.sim.engine.job import SimJob
from eddyline.sim.engine.supply import NodeSupply, RecordedSupply, Supply, Unlimited
from eddyline.sim.market.market import MarketPool, NoticeModel

MIN_BILLED_S = 60.0
FREE_S = 3600.0
_NEVER = 1e300


@dataclass(frozen=True, kw_only=True)
class EngineRules:
    boot_s: float = 180.0
    notice: NoticeModel = NoticeModel()
    drains: bool = True
    margin_s: float = 10.0
    pessimism: float = 1.25
    detect_s: float = 30.0
    exit_s: float = 2.0


class ExactEngine:
    """One run. `run` may be called once."""

    def __init__(self, *, offers, market, arrivals, queue, policy, rules: EngineRules, seed: int, end_s: float) -> None:
        self.now = 0.0
        self.rules = rules
        self.queue = queue
        self.policy = policy
        self.end_s = end_s
        self._arrivals = iter(arrivals)
        self._heap: list = []
        self._seq = 0
        self.rng = random.Random(f"{seed}/engine")
        self.pools = [SimPool(index=i, offer=o) for i, o in enumerate(offers)]
        self._supply: list[Supply] = []
        for pool in self.pools:
            found: MarketPool | None = market.get(pool.offer.name)
            if not pool.offer.spot or found is None:
                self._supply.append(Unlimited())
                continue
            rng = random.Random(f"{seed}/{pool.offer.name}")
            if found.nodes:
                self._supply.append(NodeSupply(found, self, notice=rules.notice, rng=rng))
            else:
                self._supply.append(RecordedSupply(found, pool, self, notice=rules.notice, rng=rng))
        self._free: list[SimInstance] = []
        self._left: dict[int, int] = {}
        self._arrived: dict[int, float] = {}
        self.ready_times: list[float] = []
        self.ready_at: list[float] = []
        self.arrived_work = 0.0
        self.done_work = 0.0
        self.spot_work = 0.0
        self.redone = 0.0
        self.redone_notice = 0.0
        self.cost = 0.0
        self.billed = 0.0
        self.own_cost = 0.0
        self.busy_power = 0.0
        self.launches = self.interruptions = self.failures = 0
        self.boot_cost = 0.0
        self.events = 0
        self._open = 0
        self.samples: list = []
        self.instances: set[SimInstance] = set()
        self.arrived_recent = 0.0

    # timers

    def at(self, when, action) -> None:
        self._seq += 1
        heappush(self._heap, (when, self._seq, None, action))

    # run

    def run(self) -> None:
        heap = self._heap
        queue = self.queue
        claim = queue.claim_one
        arrivals = self._arrivals
        next_asset = next(arrivals, None)
        arrival_at = next_asset.at if next_asset is not None else _NEVER
        left = self._left
        number = 0
        job_id = 0
        events = 0
        self.at(0.0, self._tick)
        while True:
            if heap and heap[0][0] <= arrival_at:
                now, seq, instance, action = heappop(heap)
                self.now = now
                events += 1
                if instance is None:
                    if action is None:
                        break
                    action(now)
                    continue
                found = instance.running.pop(seq, None)
                if found is None:
                    continue
                job = found[0]
                weight = job.weight
                self.done_work += weight
                if instance.offer.spot:
                    self.spot_work += weight
                asset = job.asset
                open_jobs = left[asset] - 1
                if open_jobs:
                    left[asset] = open_jobs
                else:
                    del left[asset]
                    self._ready(asset, now)
                if instance.accepts:
                    job = claim(now)
                    if job is None:
                        self._idle(instance, now)
                        continue
                    end = now + job.weight / instance.speed
                    self._seq = seq = self._seq + 1
                    instance.running[seq] = (job, end)
                    heappush(heap, (end, seq, instance, None))
                else:
                    self._not_accepting(instance, now)
                continue
            if next_asset is None:
                break
            now = self.now = arrival_at
            if now > self.end_s:
                next_asset, arrival_at = None, _NEVER
                continue
            number += 1
            events += 1
            jobs = []
            for weight in next_asset.chunks:
                job_id += 1
                jobs.append(SimJob(job_id, number, next_asset.owner, next_asset.priority, weight))
                self.arrived_work += weight
                self.arrived_recent += weight
            left[number] = len(jobs)
            self._arrived[number] = now
            queue.submit(now, jobs)
            if self._free:
                self._dispatch(now)
            next_asset = next(arrivals, None)
            arrival_at = next_asset.at if next_asset is not None else _NEVER
            self._arrivals_done = next_asset is None
        self.events = events
        self._close()

    def _ready(self, asset, now) -> None:
        at = self._arrived.pop(asset)
        self.ready_times.append(now - at)
        self.ready_at.append(now)

    def _start(self, instance, job, now) -> None:
        instance.free -= 1
        if instance.free == 0 and instance.free_place >= 0:
            self._leave_free(instance)
        instance.pool.busy += 1
        end = now + job.weight / instance.speed
        self._seq += 1
        instance.running[self._seq] = (job, end)
        heappush(self._heap, (end, self._seq, instance, None))

    def _idle(self, instance, now) -> None:
        instance.free += 1
        instance.pool.busy -= 1
        if instance.free == instance.slots:
            instance.idle_since = now
        if instance.free_place < 0:
            instance.free_place = len(self._free)
            self._free.append(instance)

    def _leave_free(self, instance) -> None:
        last = self._free.pop()
        if last is not instance:
            self._free[instance.free_place] = last
            last.free_place = instance.free_place
        instance.free_place = -1

    def _dispatch(self, now) -> None:
        free, rng = self._free, self.rng
        while free:
            job = self.queue.claim_one(now)
            if job is None:
                return
            self._start(free[int(rng.random() * len(free))], job, now)

    def _not_accepting(self, instance, now) -> None:
        """A slot of a draining or interrupted instance became free."""
        instance.free += 1
        instance.pool.busy -= 1
        if instance.stop_by is not None:
            self._fill_until(instance, now)
        elif instance.draining and not instance.running:
            self._end(instance, now + self.rules.exit_s)

    def _fill_until(self, instance, now) -> None:
        most = (instance.stop_by - now) / self.rules.pessimism * instance.speed
        while instance.free and most > 0 and not instance.draining:
            job = self.queue.claim_one(now, most)
            if job is None:
                break
            self._start(instance, job, now)

    # instances

    def launch(self, pool: SimPool, count: int) -> int:
        now = self.now
        supply = self._supply[pool.index]
        for launched in range(count):
            instance = SimInstance(pool, now)
            if not supply.take(instance, now):
                pool.failed_at = now
                self.failures += 1
                return launched
            pool.add(instance)
            pool.booting += 1
            pool.launched += 1
            self.launches += 1
            self.instances.add(instance)
            self.at(now + self.rules.boot_s, lambda now, instance=instance: self._boot(instance, now))
        return count

    def _boot(self, instance, now) -> None:
        if instance.dead or instance.draining:
            return
        instance.ready = True
        if instance.stop_by is not None:
            self._fill_until(instance, now)
            return
        instance.pool.booting -= 1
        instance.pool.ready += 1
        instance.accepts = True
        instance.idle_since = now
        instance.free_place = len(self._free)
        self._free.append(instance)
        if len(self.queue):
            self._dispatch(now)

    def drain(self, instance) -> None:
        """Scale-in: no new jobs; it ends when its jobs have ended."""
        if instance.draining or instance.dead or instance.stop_by is not None:
            return
        instance.draining = True
        self._uncount(instance)
        if not instance.running:
            self._end(instance, self.now + (self.rules.exit_s if instance.ready else 0.0))

    def _uncount(self, instance) -> None:
        if instance.ready:
            instance.pool.ready -= 1
        else:
            instance.pool.booting -= 1
        instance.accepts = False
        if instance.free_place >= 0:
            self._leave_free(instance)

    def reclaim(self, instance, end) -> None:
        if instance.dead or (instance.ends_at is not None and instance.ends_at <= end):
            return
        first = instance.ends_at is None
        instance.ends_at = end
        pool = instance.pool
        if first:
            pool.remove(instance)
        self.at(end, lambda now: self._interrupt(instance, now))
        lead = self.rules.notice.lead(self.rng)
        if lead > 0 and self.rules.drains:
            self.at(max(end - lead, self.now), lambda now: self._notice(instance, now))

    def _notice(self, instance, now) -> None:
        if instance.dead or instance.stop_by is not None:
            return
        pool = instance.pool
        pool.interrupted += 1
        pool.interrupted_at = now
        if not instance.draining:
            self._uncount(instance)
        instance.stop_by = instance.ends_at - self.rules.margin_s
        back = [seq for seq, (_, end) in instance.running.items() if end > instance.stop_by]
        if back:
            self._hand_back(instance, back, now)
        if instance.ready:
            self._fill_until(instance, now)

    def _hand_back(self, instance, seqs, now) -> None:
        jobs = []
        for seq in seqs:
            job, end = instance.running.pop(seq)
            self.redone += job.weight - (end - now) * instance.speed
            instance.free += 1
            instance.pool.busy -= 1
            jobs.append(job)
        if jobs:
            self.queue.interrupt(now, jobs)
            if self._free:
                self._dispatch(now)

    def _interrupt(self, instance, now) -> None:
        """The instance is gone; without a drain its jobs are found lost when the lease has expired."""
        if instance.dead or instance.ends_at != now:
            return
        self.interruptions += 1
        if instance.stop_by is None:
            instance.pool.interrupted += 1
            instance.pool.interrupted_at = now
            if not instance.draining:
                self._uncount(instance)
        jobs = []
        for job, end in instance.running.values():
            self.redone += job.weight - (end - now) * instance.speed
            instance.free += 1
            instance.pool.busy -= 1
            jobs.append(job)
        instance.running.clear()
        self._bill(instance, now)
        instance.dead = True
        if jobs:
            def lost(now):
                self.queue.interrupt(now, jobs)
                if self._free:
                    self._dispatch(now)
            self.at(now + self.rules.detect_s, lost)

    def _end(self, instance, when) -> None:
        if when > self.now:
            self.at(when, lambda now: self._terminate(instance, now))
        else:
            self._terminate(instance, when)

    def _terminate(self, instance, now) -> None:
        if instance.dead:
            return
        instance.dead = True
        if instance.ends_at is None:
            instance.pool.remove(instance)
        self._supply[instance.pool.index].release(instance, now)
        self._bill(instance, now)

    def _bill(self, instance, now) -> None:
        seconds = now - instance.launched
        paid = max(seconds, MIN_BILLED_S)
        cost = paid * instance.offer.usd_h / 3600
        self.cost += cost
        self.own_cost += paid * instance.offer.own_usd_h / 3600
        if not (instance.ends_at is not None and instance.ends_at == now and seconds < FREE_S):
            self.billed += cost
        self.boot_cost += min(self.rules.boot_s, seconds) * instance.offer.usd_h / 3600
        instance.pool.seconds += seconds
        self.instances.discard(instance)

    def _tick(self, now) -> None:
        more = now < self.end_s or self._left
        self.policy.tick(self, now)
        if more:
            self.at(now + self.policy.every_s, self._tick)
        else:
            self.at(now, None)

    def _close(self) -> None:
        for instance in list(self.instances):
            self._bill(instance, self.now)
            instance.dead = True
