"""The instances of a simulated fleet: launch, boot, drain, reclaim, end, and what they cost."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heappush

from eddyline.fleet.drain.choice import DrainRules, accepted_s, late_jobs
from eddyline.fleet.scaler.scale_in import Candidate, choose_victims
from eddyline.sim.engine.billing import Billing
from eddyline.sim.engine.instance import Offer, SimInstance, SimPool
from eddyline.sim.engine.result import Totals
from eddyline.sim.engine.supply import NodeSupply, RecordedSupply, Supply, Unlimited
from eddyline.sim.engine.timers import Timers
from eddyline.sim.job_queue import JobQueue
from eddyline.sim.market.market import MarketPool, NoticeModel
from eddyline.sim.queued_job import QueuedJob

DEFAULT_NOTICE = NoticeModel()
DEFAULT_DRAIN = DrainRules()
MAX_DRAINS = 200_000


@dataclass(frozen=True, kw_only=True)
class FleetRules:
    """Times in seconds.

    `boot_s`: from a launch to a worker that takes jobs. `drains`: workers react to notices by the rules
    `drain`; otherwise their jobs are lost with them. A worker learns of a notice `notice_delay_s` after it:
    it polls the instance metadata every 5 s. Lost jobs are found `lost_after_s` later, when the lease of the
    worker (30 s since its last renewal, every 10 s) has expired, and another one has looked. `exit_s`: from
    the last job of a drained instance to the exit of its worker, and its termination after a scale-in.
    See docs/explanation/simulator-validation.md for these times as measured.
    """

    boot_s: float = 180.0
    notice: NoticeModel = DEFAULT_NOTICE
    drains: bool = True
    drain: DrainRules = DEFAULT_DRAIN
    notice_delay_s: float = 2.5
    lost_after_s: float = 27.0
    exit_s: float = 5.0


class Fleet:
    """All instances of a run, and the slots that are free. `now` is set by the engine."""

    def __init__(
        self,
        offers: Sequence[Offer],
        market: Mapping[str, MarketPool],
        *,
        queue: JobQueue,
        timers: Timers,
        rules: FleetRules,
        seed: int,
    ) -> None:
        self.now = 0.0
        self.pools = [SimPool(index=index, offer=offer) for index, offer in enumerate(offers)]
        self.totals = Totals()
        self.billing = Billing(self.totals, boot_s=rules.boot_s)
        self.free: list[SimInstance] = []
        self.busy = 0.0
        self.drains_s: list[float] = []
        self._queue = queue
        self._timers = timers
        self._rules = rules
        self._rng = random.Random(f"{seed}/engine")  # noqa: S311 - a simulation must be repeatable
        self._supplies = [self._supply(pool, market.get(pool.offer.name), seed) for pool in self.pools]

    def _supply(self, pool: SimPool, market: MarketPool | None, seed: int) -> Supply:
        if market is None or not pool.offer.spot:
            return Unlimited()
        rng = random.Random(f"{seed}/supply/{pool.offer.name}")  # noqa: S311 - as above
        lead_s = self._rules.notice.lead_s
        if market.nodes:
            return NodeSupply(market, self._timers, self.reclaim, lead_s=lead_s, rng=rng)
        return RecordedSupply(market, pool, self._timers, self.reclaim, lead_s=lead_s, rng=rng)

    # Jobs

    def start(self, instance: SimInstance, job: QueuedJob, now: float) -> None:
        """Run a job in a free slot."""
        instance.free -= 1
        if not instance.free and instance.free_place >= 0:
            self._leave_free(instance)
        self.busy += instance.speed
        end = now + job.weight / instance.speed
        timers = self._timers
        timers.number = number = timers.number + 1
        instance.running[number] = (job, end)
        heappush(timers.heap, (end, number, instance, None))

    def dispatch(self, now: float) -> None:
        """Give waiting jobs to free slots: any worker with a free slot may be the first to ask."""
        free, queue, rng = self.free, self._queue, self._rng
        while free and len(queue):
            instance = free[int(rng.random() * len(free))]
            job = queue.claim_one(now, instance)
            if job is None:
                return
            self.start(instance, job, now)

    def slot_freed(self, instance: SimInstance, now: float) -> None:
        """A job has ended, and its slot gets no job at once."""
        instance.free += 1
        self.busy -= instance.speed
        if instance.accepts:
            if instance.free_place < 0:
                instance.free_place = len(self.free)
                self.free.append(instance)
        elif instance.stop_by is not None:
            instance.last_end = now
            self._fill(instance, now)
        elif instance.draining and not instance.running:
            self._timers.at(now + self._rules.exit_s, partial(self._terminate, instance))

    def _fill(self, instance: SimInstance, now: float) -> None:
        """Take further jobs that surely end before an instance with a notice does."""
        if instance.stop_by is None or instance.draining or not instance.knows_rates:
            return
        most = accepted_s(instance.stop_by - now, self._rules.drain) * instance.speed
        if most > 0:
            for job in self._queue.claim(now, instance.free, instance, most_weight=most):
                self.start(instance, job, now)

    def _leave_free(self, instance: SimInstance) -> None:
        last = self.free.pop()
        if last is not instance:
            self.free[instance.free_place] = last
            last.free_place = instance.free_place
        instance.free_place = -1

    def _give_back(self, jobs: list[QueuedJob], now: float) -> None:
        self._queue.interrupt(now, jobs)
        self.dispatch(now)

    def _take_back(self, instance: SimInstance, jobs: list[QueuedJob], now: float) -> None:
        """The lease of a dead instance has ended."""
        self._queue.take_back(now, jobs, instance)
        self.dispatch(now)

    def _stop(self, instance: SimInstance, number: int, now: float) -> QueuedJob:
        """End a running job before its end: its work is lost."""
        job, end = instance.running.pop(number)
        self.totals.redone += max(job.weight - (end - now) * instance.speed, 0.0)
        instance.free += 1
        self.busy -= instance.speed
        return job

    # From launch to end

    def launch(self, index: int, count: int) -> int:
        """Launch up to `count` instances; returns how many there was capacity for."""
        pool, supply, now = self.pools[index], self._supplies[index], self.now
        for launched in range(count):
            instance = SimInstance(pool, now)
            if not supply.take(instance, now):
                self.totals.failures += 1
                return launched
            pool.add(instance)
            pool.booting += 1
            self.totals.launches += 1
            self.billing.begin(instance)
            self._timers.at(now + self._rules.boot_s, partial(self._boot, instance))
        return count

    def _boot(self, instance: SimInstance, now: float) -> None:
        if instance.dead or instance.draining:
            return
        instance.ready = True
        if instance.stop_by is not None:
            instance.last_end = now  # it has done no job yet, and so takes none
            return
        instance.pool.booting -= 1
        instance.pool.ready += 1
        instance.accepts = True
        instance.free_place = len(self.free)
        self.free.append(instance)
        self.dispatch(now)

    def drain(self, power: float, *, spot: bool) -> float:
        """Scale in: drain instances of at most this power; returns the power of those that it drains."""
        found = [
            each
            for pool in self.pools
            if pool.offer.spot is spot
            for each in pool.holding
            if not each.draining and each.stop_by is None
        ]
        candidates = [
            Candidate(
                power=each.offer.power,
                busy=1 - each.free / each.slots if each.ready else 0.0,
                price=each.offer.usd_h / each.offer.power,
                booting=not each.ready,
            )
            for each in found
        ]
        drained = 0.0
        for place in choose_victims(candidates, power):
            self._drain(found[place])
            drained += found[place].offer.power
        return drained

    def _drain(self, instance: SimInstance) -> None:
        instance.draining = True
        instance.drain_began = self.now
        self._uncount(instance)
        if not instance.running:
            exit_s = self._rules.exit_s if instance.ready else 0.0
            self._timers.at(self.now + exit_s, partial(self._terminate, instance))

    def _uncount(self, instance: SimInstance) -> None:
        """The scaler counts on it no more, and it takes no job from the common queue."""
        if instance.draining and instance.stop_by is not None:
            return
        if instance.ready:
            instance.pool.ready -= 1
        else:
            instance.pool.booting -= 1
        instance.accepts = False
        if instance.free_place >= 0:
            self._leave_free(instance)

    def reclaim(self, instance: SimInstance, end: float) -> None:
        """The market takes an instance back at `end`; its worker may learn of it before."""
        if instance.dead or (instance.ends_at is not None and instance.ends_at <= end):
            return
        if instance.ends_at is None:
            instance.pool.remove(instance)
        instance.ends_at = end
        self._timers.at(end, partial(self._interrupt, instance))
        lead_s = self._rules.notice.lead(self._rng) if self._rules.drains else 0.0
        if lead_s > 0:
            at = max(end - lead_s, self.now) + self._rules.notice_delay_s
            self._timers.at(at, partial(self._notice, instance))

    def _notice(self, instance: SimInstance, now: float) -> None:
        if instance.dead or instance.stop_by is not None or instance.ends_at is None:
            return
        self.totals.warned += 1
        self._count_interruption(instance)
        if instance.drain_began is None:
            instance.drain_began = now - self._rules.notice_delay_s
        instance.last_end = now
        rules = self._rules.drain
        instance.stop_by = instance.ends_at - rules.margin_s
        numbers = list(instance.running)
        remaining_s = [end - now for _, end in instance.running.values()]
        late = late_jobs(remaining_s, instance.stop_by - now, rules, interrupted=True)
        if late:
            self.totals.handed_back += len(late)
            self._give_back([self._stop(instance, numbers[place], now) for place in late], now)
        if instance.ready:
            self._fill(instance, now)

    def _count_interruption(self, instance: SimInstance) -> None:
        instance.pool.interrupted += 1
        if not instance.draining:
            self._uncount(instance)

    def _interrupt(self, instance: SimInstance, now: float) -> None:
        if instance.dead or instance.ends_at != now:
            return
        self.totals.interruptions += 1
        if instance.stop_by is None:
            self._count_interruption(instance)
        elif instance.ready and instance.drain_began is not None:
            exit_at = instance.last_end
            if instance.knows_rates:  # it waits for further jobs until none could end in time
                exit_at = max(exit_at, instance.stop_by - self._rules.drain.start_s)
            self._record_drain(min(exit_at + self._rules.exit_s, now) - instance.drain_began)
        jobs = [self._stop(instance, number, now) for number in list(instance.running)]
        self.totals.lost += len(jobs)
        self.billing.end(instance, now, interrupted=True)
        if jobs:
            self._timers.at(now + self._rules.lost_after_s, partial(self._take_back, instance, jobs))

    def _record_drain(self, seconds: float) -> None:
        if len(self.drains_s) < MAX_DRAINS:
            self.drains_s.append(seconds)

    def _terminate(self, instance: SimInstance, now: float) -> None:
        if instance.dead:
            return
        if instance.ends_at is None:
            instance.pool.remove(instance)
        if instance.ready and instance.drain_began is not None:
            self._record_drain(now - instance.drain_began)
        self._supplies[instance.pool.index].release(instance, now)
        self.billing.end(instance, now, interrupted=False)

    def close(self, now: float) -> None:
        """Bill the instances that still run at the end of a run."""
        self.billing.close(now)
