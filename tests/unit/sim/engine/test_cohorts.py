from __future__ import annotations

import random
from statistics import fmean

import numpy as np
import pytest

from eddyline.sim.engine.aggregate_fleet import AggregateFleet
from eddyline.sim.engine.billing import Billing
from eddyline.sim.engine.busy_levels import busy_levels
from eddyline.sim.engine.cohort import Cohort, CohortPool
from eddyline.sim.engine.cohort_billing import CohortBilling
from eddyline.sim.engine.cohort_supply import lifetimes
from eddyline.sim.engine.fleet import FleetRules
from eddyline.sim.engine.instance import Offer, SimInstance, SimPool
from eddyline.sim.engine.result import Totals
from eddyline.sim.engine.returned import Returned
from eddyline.sim.engine.timers import Timers
from eddyline.sim.market.market import Hazard, MarketPool

SPOT = Offer(
    name="spot", type="t", zone="a", spot=True, vcpu=8, slots=4, speed=1.0, usd_h=0.12, own_usd_h=0.36
)
BATHTUB = Hazard(per_hour=0.2, early_per_hour=2.0, early_s=600.0, late_per_hour=5.0, late_s=7200.0)


def test_lifetimes_of_many_are_distributed_as_those_of_one() -> None:
    rng = random.Random(1)
    single = sorted(BATHTUB.lifetime(rng) for _ in range(20_000))
    many = np.sort(lifetimes(BATHTUB, 20_000, np.random.default_rng(1)))
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert many[int(share * 20_000)] == pytest.approx(single[int(share * 20_000)], rel=0.1)
    assert np.isinf(lifetimes(Hazard(per_hour=0.0), 3, np.random.default_rng(1))).all()


def test_counts_are_billed_as_single_instances() -> None:
    totals, counted = Totals(), Totals()
    pool, cohorts = SimPool(index=0, offer=SPOT), CohortPool(index=0, offer=SPOT)
    billing, cohort_billing = Billing(totals, boot_s=180.0), CohortBilling(counted, boot_s=180.0)
    for launched, end, interrupted in ((0.0, 30.0, False), (100.0, 2000.0, True), (200.0, 9000.0, True)):
        for instance in (SimInstance(pool, launched) for _ in range(3)):
            billing.begin(instance)
            billing.end(instance, end, interrupted=interrupted)
        cohort_billing.begin(cohorts, 3, launched)
        assert cohort_billing.paid_usd(launched + 1) > counted.cost_usd
        cohort_billing.end(cohorts, 3, launched, end, interrupted=interrupted)
    for name in ("cost_usd", "own_usd", "boot_usd", "billed_usd", "spot_usd"):
        assert getattr(counted, name) == pytest.approx(getattr(totals, name)), name
    assert cohort_billing.lives == billing.lives
    assert cohorts.ended_s == pool.ended_s
    assert cohort_billing.paid_usd(9000.0) == pytest.approx(counted.cost_usd)


def test_the_busy_levels_have_all_instances_and_about_the_busy_slots() -> None:
    assert busy_levels(10, 4, 1.0) == [(4, 10)]
    assert busy_levels(10, 4, 0.0) == [(0, 10)]
    for share in (0.1, 0.5, 0.97):
        found = busy_levels(1000, 16, share)
        assert sum(count for _, count in found) == 1000
        assert sum(level * count for level, count in found) == pytest.approx(16_000 * share, rel=0.02)
        assert [level for level, _ in found] == sorted(level for level, _ in found)


def test_random_instances_are_picked_from_cohorts() -> None:
    rng = np.random.default_rng(1)
    pool = CohortPool(index=0, offer=SPOT)
    for number in range(4):
        pool.hold(Cohort(pool=pool, launched=number, count=10, lifetimes=10, ready=number < 2))
    ((cohort, count),) = pool.pick_cohorts(3, rng, ready=True)
    assert (cohort.launched < 2, count, cohort.count) == (True, 3, 7)
    assert sum(count for _, count in pool.pick_cohorts(100, rng, ready=True)) == 17
    assert [each.launched for each in pool.cohorts] == [2, 3]
    assert pool.pick_cohorts(1, rng, ready=True) == []
    assert sum(count for _, count in pool.pick(5, rng)) == 5
    assert sum(each.count for each in pool.cohorts) == 15
    assert sum(count for _, count in pool.pick(100, rng)) == 15
    assert pool.pick(1, rng) == []


def test_stopped_jobs_are_pending_then_wait_then_start_with_their_work() -> None:
    found = Returned()
    found.expect(4.0, 80.0)
    assert found.start(10.0) == (0.0, 0.0)
    found.add(4.0)
    assert found.waiting_work() == pytest.approx(80)
    assert found.start(1.0) == pytest.approx((1, 20))
    assert found.start(10.0) == pytest.approx((3, 60))
    assert found.waiting_work() == 0


def fleet(market: MarketPool) -> tuple[AggregateFleet, Timers]:
    timers = Timers()
    return (
        AggregateFleet(
            [SPOT], {"spot": market}, timers=timers, rules=FleetRules(), seed=1, step_s=10.0, end_s=36_000.0
        ),
        timers,
    )


def pass_until(found: AggregateFleet, timers: Timers, until: float) -> None:
    while timers.heap and timers.heap[0][0] <= until:
        found.now, _, _, action = timers.heap[0]
        del timers.heap[0]
        timers.heap.sort()
        assert action is not None
        action(found.now)
    found.now = until


def test_a_falling_count_reclaims_the_excess_and_refuses_what_would_not_survive() -> None:
    market = MarketPool(
        name="spot", type="t", zone="a", units=9, capacity=((0.0, 8), (1000.0, 5), (2000.0, 8))
    )
    found, timers = fleet(market)
    pool = found.pools[0]
    assert found.launch(0, 10) == 8
    assert found.totals.failures == 1
    pass_until(found, timers, 900.0)
    assert (pool.ready, pool.held) == (5, 5)  # three have a notice
    assert found.launch(0, 1) == 0
    pass_until(found, timers, 1000.0)
    assert found.totals.interruptions == found.totals.warned == pool.interrupted == 3
    assert found.flow.slots.tolist() == [20]
    pass_until(found, timers, 2100.0)
    assert found.launch(0, 4) == 3


def test_drained_instances_hold_capacity_until_they_end() -> None:
    market = MarketPool(name="spot", type="t", zone="a", units=9, capacity=((0.0, 8),))
    found, timers = fleet(market)
    found.launch(0, 8)
    pass_until(found, timers, 200.0)
    assert found.drain(13.0, spot=True) == 12.0
    assert found.drain(100.0, spot=False) == 0.0
    assert (found.pools[0].ready, found.pools[0].held, found.pools[0].draining) == (5, 8, 3)
    pass_until(found, timers, 210.0)
    assert (found.pools[0].held, found.pools[0].draining) == (5, 0)
    found.close(3600.0)
    assert found.totals.cost_usd == pytest.approx((3 * 205 + 5 * 3600) / 3600 * 0.12)


def test_the_share_of_a_cohort_that_its_hazard_ends_does_not_depend_on_drains() -> None:
    interrupted = []
    for seed in range(30):
        found, timers = fleet(
            MarketPool(
                name="spot",
                type="t",
                zone="a",
                units=999,
                capacity=((0.0, 999),),
                hazard=Hazard(per_hour=1.0),
            )
        )
        found.now = float(seed)
        found.launch(0, 100)
        pass_until(found, timers, 300.0)
        before = found.totals.warned
        found.drain(200.0, spot=True)
        left = found.pools[0].ready
        pass_until(found, timers, 300.0 + 3600.0)
        interrupted.append((found.totals.warned - before) / left)
    assert fmean(interrupted) == pytest.approx(1 - np.exp(-1.0), abs=0.05)
