"""The instances of the aggregate engine in cohorts: launch, boot, drain, reclaim, end, and their cost."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from eddyline.fleet.drain.choice import accepted_s, late_jobs
from eddyline.fleet.scaler.scale_in import Candidate, victim_counts
from eddyline.sim.engine.busy_levels import busy_levels
from eddyline.sim.engine.cohort import Cohort, CohortPool, Reclaimed
from eddyline.sim.engine.cohort_billing import CohortBilling
from eddyline.sim.engine.cohort_supply import CohortSupply, NodeCohorts, RecordedCohorts, UnlimitedCohorts
from eddyline.sim.engine.fleet import MAX_DRAINS, FleetRules
from eddyline.sim.engine.instance import Offer
from eddyline.sim.engine.result import Totals
from eddyline.sim.engine.returned import Returned
from eddyline.sim.engine.slot_flow import SlotFlow
from eddyline.sim.engine.timers import Timers
from eddyline.sim.market.market import MarketPool


class AggregateFleet:
    """All instances of a run. `now` is set by the engine, and `job_weight`: the weight of usual jobs."""

    def __init__(
        self,
        offers: Sequence[Offer],
        market: Mapping[str, MarketPool],
        *,
        timers: Timers,
        rules: FleetRules,
        seed: int,
        step_s: float,
        end_s: float,
    ) -> None:
        self.now = 0.0
        self.job_weight = 1.0
        self.pools = [CohortPool(index=index, offer=offer) for index, offer in enumerate(offers)]
        self.totals = Totals()
        self.billing = CohortBilling(self.totals, boot_s=rules.boot_s)
        self.flow = SlotFlow(offers)
        self.returned = Returned()
        self._timers = timers
        self._rules = rules
        self._step_s = step_s
        self._end_s = end_s
        self._rng = np.random.default_rng([seed, 2])
        self._notices = random.Random(f"{seed}/notices")  # noqa: S311 - a simulation must be repeatable
        self._noticed: list[Reclaimed] = []  # those whose slots still take jobs
        self._supplies = [self._supply(pool, market.get(pool.offer.name), seed) for pool in self.pools]
        self.drains_s: list[float] = []
        self._handed_back = self._lost = 0.0
        self._running: dict[tuple[int, float], int] = {}

    def _supply(self, pool: CohortPool, market: MarketPool | None, seed: int) -> CohortSupply:
        if market is None or not pool.offer.spot:
            return UnlimitedCohorts()
        rng = np.random.default_rng([seed, 3, pool.index])
        lead_s = self._rules.notice.lead_s
        if market.nodes:
            return NodeCohorts(market, self._timers, self.reclaim, lead_s=lead_s, rng=rng)
        return RecordedCohorts(
            market, pool, self._timers, self.reclaim, lead_s=lead_s, until=2 * self._end_s + 86_400, rng=rng
        )

    # From launch to end

    def launch(self, index: int, count: int) -> int:
        """Launch up to `count` instances; returns how many there was capacity for."""
        pool, supply, now = self.pools[index], self._supplies[index], self.now
        launched = 0
        while launched < count:
            taken = supply.take(count - launched, now)
            if not taken:
                self.totals.failures += 1
                break
            launched += taken
            cohort = Cohort(pool=pool, launched=now, count=taken, lifetimes=taken)
            pool.hold(cohort)
            self._bill(pool, taken, now)
            self._timers.at(now + self._rules.boot_s, partial(self._boot, cohort))
            supply.begin(cohort, now)
        pool.booting += launched
        self.totals.launches += launched
        return launched

    def _boot(self, cohort: Cohort, _: float) -> None:
        pool, slots = cohort.pool, cohort.pool.offer.slots
        cohort.ready = True
        pool.booting -= cohort.count
        pool.ready += cohort.count
        self.flow.add(pool.index, cohort.count * slots)
        for each in cohort.reclaimed:
            if each.noticed:
                continue  # its workers have done no job yet, and so take none
            pool.booting -= each.count
            pool.ready += each.count
            each.takes_jobs = True
            self.flow.add(pool.index, each.count * slots)

    def drain(self, power: float, *, spot: bool) -> float:
        """Scale in: drain instances of at most this power; returns the power of those that it drains."""
        candidates: list[Candidate] = []
        places: list[tuple[CohortPool, int]] = []
        for pool in self.pools:
            if pool.offer.spot is not spot:
                continue
            ready = sum(each.count for each in pool.cohorts if each.ready)
            booting = pool.held - pool.draining - ready
            levels = busy_levels(ready, pool.offer.slots, self.flow.busy_share(pool.index))
            for busy, count in (*((busy, count) for busy, count in levels), (-1, booting)):
                if count > 0:
                    places.append((pool, busy))
                    candidates.append(
                        Candidate(
                            power=pool.offer.power,
                            busy=max(busy, 0) / pool.offer.slots,
                            price=pool.offer.usd_h / pool.offer.power,
                            booting=busy < 0,
                            count=count,
                        )
                    )
        drained = 0.0
        for place, count in victim_counts(candidates, power):
            pool, busy = places[place]
            self._drain(pool, count, busy)
            drained += count * pool.offer.power
        return drained

    def _drain(self, pool: CohortPool, count: int, busy: int) -> None:
        """Drain instances that run `busy` jobs each, or boot (-1)."""
        is_ready = busy >= 0
        exit_s = 0.0
        if is_ready:
            exit_s = self.flow.last_end(pool.index, busy) * self._step_s + self._rules.exit_s
            self.flow.leave(pool.index, count * pool.offer.slots, count * busy)
            pool.ready -= count
            self._add_drains(exit_s, count)
        else:
            pool.booting -= count
        picked = pool.pick_cohorts(count, self._rng, ready=is_ready)
        pool.draining += count
        self._timers.at(self.now + exit_s, partial(self._terminate, pool, picked))

    def _terminate(self, pool: CohortPool, picked: list[tuple[Cohort, int]], now: float) -> None:
        for cohort, count in picked:
            pool.draining -= count
            pool.let_go(count, cohort.launched)
            self._supplies[pool.index].release(cohort, count, now)
            self._end(pool, count, cohort.launched, now, interrupted=False)

    def reclaim(self, cohort: Cohort, count: int, end: float) -> None:
        """The market takes instances back at `end`; their workers may learn of it before."""
        pool = cohort.pool
        pool.let_go(count, cohort.launched)
        pool.forget_empty()
        model = self._rules.notice
        if not self._rules.drains:
            leads = {0.0: count}
        elif model.absent or model.late:
            leads = Counter(model.lead(self._notices) for _ in range(count))
        else:
            leads = {model.lead_s: count}
        for lead_s, number in leads.items():
            group = Reclaimed(cohort=cohort, count=number, end=end, takes_jobs=cohort.ready)
            cohort.reclaimed.append(group)
            self._timers.at(end, partial(self._interrupt, group))
            if lead_s > 0:
                at = max(end - lead_s, self.now) + self._rules.notice_delay_s
                self._timers.at(at, partial(self._notice, group))

    def _notice(self, group: Reclaimed, now: float) -> None:
        if group.is_over:
            return
        self.totals.warned += group.count
        self._uncount(group)
        rules = self._rules.drain
        group.noticed, group.noticed_at = True, now
        group.stop_by = group.end - rules.margin_s
        if not group.takes_jobs:
            return
        pool = group.cohort.pool
        left_s = group.stop_by - now
        steps = self.flow.steps
        remaining_s = [(step + 0.5) * self._step_s for step in range(steps)]
        late = late_jobs(remaining_s, left_s, rules, interrupted=True)
        if late:
            jobs, left = self.flow.stop_late(pool.index, group.count * pool.offer.slots, late[0])
            self._stopped(pool, jobs, left)
            self._handed_back += jobs
            self._give_back(jobs, now)
        self._noticed.append(group)

    def close_noticed(self, now: float) -> None:
        """Let the slots take no more jobs that a job would not surely end on."""
        still = []
        for group in self._noticed:
            if self._accepts(group, now):
                still.append(group)
            else:
                self._close(group)
        self._noticed = still

    def _accepts(self, group: Reclaimed, now: float) -> bool:
        most = accepted_s(group.stop_by - now, self._rules.drain) * group.cohort.pool.offer.speed
        return self.job_weight <= most

    def _close(self, group: Reclaimed) -> None:
        pool = group.cohort.pool
        slots = group.count * pool.offer.slots
        group.takes_jobs = False
        self.flow.leave(pool.index, slots, slots * self.flow.busy_share(pool.index))

    def _uncount(self, group: Reclaimed) -> None:
        """The scaler counts on the instances no more."""
        pool = group.cohort.pool
        pool.interrupted += group.count
        if group.cohort.ready:
            pool.ready -= group.count
        else:
            pool.booting -= group.count

    def _interrupt(self, group: Reclaimed, now: float) -> None:
        pool = group.cohort.pool
        self.totals.interruptions += group.count
        group.is_over = True
        if group.noticed:
            self._record_drain(group)
            if group.takes_jobs:
                self._noticed.remove(group)
                self._close(group)
        else:
            self._uncount(group)
            if group.takes_jobs:
                slots = group.count * pool.offer.slots
                jobs, left = self.flow.stop(pool.index, slots, slots * self.flow.busy_share(pool.index))
                self._stopped(pool, jobs, left)
                self._lost += jobs
                self._timers.at(now + self._rules.lost_after_s, partial(self._give_back, jobs))
        group.cohort.reclaimed.remove(group)
        self._end(pool, group.count, group.cohort.launched, now, interrupted=True)

    def _record_drain(self, group: Reclaimed) -> None:
        """The workers wait for further jobs until none could end in time."""
        if group.cohort.ready:
            rules = self._rules
            waited = max(group.stop_by - rules.drain.start_s, group.noticed_at)
            until = min(waited + rules.exit_s, group.end)
            self._add_drains(until - group.noticed_at + rules.notice_delay_s, group.count)

    def _add_drains(self, seconds: float, count: int) -> None:
        self.drains_s += [seconds] * min(count, MAX_DRAINS - len(self.drains_s))

    # Jobs that are started again

    def _stopped(self, pool: CohortPool, jobs: float, steps_left: float) -> None:
        """Running jobs were stopped: their work so far, as long as what they had left on average, is lost."""
        work = jobs * self.job_weight
        totals = self.totals
        self.returned.lost += jobs
        totals.done -= work
        if pool.offer.spot:
            totals.spot -= work
        totals.redone += min(jobs * steps_left * self._step_s * pool.offer.speed, work)
        self.returned.expect(jobs, work)

    def _give_back(self, jobs: float, _: float) -> None:
        self.returned.add(jobs)

    # What runs

    def _bill(self, pool: CohortPool, count: int, now: float) -> None:
        key = pool.index, now
        self._running[key] = self._running.get(key, 0) + count
        self.billing.begin(pool, count, now)

    def _end(self, pool: CohortPool, count: int, launched: float, now: float, *, interrupted: bool) -> None:
        key = pool.index, launched
        left = self._running[key] - count
        if left:
            self._running[key] = left
        else:
            del self._running[key]
        self.billing.end(pool, count, launched, now, interrupted=interrupted)

    def close(self, now: float) -> None:
        """Bill the instances that still run at the end of a run, and round what was counted in fractions."""
        self.totals.handed_back, self.totals.lost = round(self._handed_back), round(self._lost)
        for (index, launched), count in list(self._running.items()):
            self._end(self.pools[index], count, launched, now, interrupted=False)
