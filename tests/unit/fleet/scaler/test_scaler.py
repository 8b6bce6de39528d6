from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.scaler.arrival_rate import ArrivalRate
from eddyline.fleet.scaler.fallback import Backlog, on_demand_power
from eddyline.fleet.scaler.pool_choice import hazard, launch_order, work_price
from eddyline.fleet.scaler.rules import PoolReading, ScalerRules, WorkReading
from eddyline.fleet.scaler.scale_in import Candidate, choose_victims, victim_counts
from eddyline.fleet.scaler.scaler import Scaler, wanted_power

RULES = ScalerRules()


def spot(**fields: float) -> PoolReading:
    return PoolReading(**{"usd_h": 0.3, "power": 4.0, "spot": True, **fields})  # type: ignore[arg-type]


def on_demand(**fields: float) -> PoolReading:
    return PoolReading(**{"usd_h": 1.0, "power": 4.0, "spot": False, **fields})  # type: ignore[arg-type]


def work(
    now: float = 0.0, *, arrived: float = 3000.0, waiting: float = 0.0, oldest_s: float = 0.0
) -> WorkReading:
    return WorkReading(now=now, arrived=arrived, seconds=30.0, waiting=waiting, oldest_s=oldest_s, busy=0.0)


def test_the_rate_of_arrivals_is_a_plain_mean_at_first_and_follows_later() -> None:
    rate = ArrivalRate(100.0)
    assert rate.add(300.0, 30.0) == 10.0
    assert rate.add(0.0, 30.0) == 5.0
    for _ in range(50):
        rate.add(600.0, 30.0)
    assert rate.value == pytest.approx(20.0, rel=0.01)
    assert rate.add(5.0, 0.0) == rate.value


def test_wanted_follows_arrivals_and_the_waiting_work() -> None:
    assert wanted_power(100.0, 12_000.0, RULES) == pytest.approx(100 * RULES.base + 12_000 / RULES.backlog_s)


def test_the_cheapest_work_is_launched_first_with_the_waste_of_interruptions() -> None:
    calm = spot(usd_h=0.31, hours=1000.0)
    hostile = spot(usd_h=0.30, hours=1000.0, interrupted=2000)
    assert hazard(hostile, RULES) == pytest.approx(2.0, rel=0.02)
    assert work_price(hostile, RULES) > work_price(calm, RULES)
    assert launch_order(1000.0, [hostile, calm, on_demand()], RULES, spot=True) == [1, 0]


def test_large_instances_are_for_large_fleets() -> None:
    pools = [spot(power=32.0, usd_h=2.39), spot(power=4.0, usd_h=0.3)]
    assert launch_order(100.0, pools, RULES, spot=True) == [1, 0]
    assert launch_order(1000.0, pools, RULES, spot=True) == [0, 1]
    assert launch_order(10.0, [spot(power=32.0, usd_h=1.0), pools[1]], RULES, spot=True) == [1, 0]
    assert launch_order(1.0, [pools[0]], RULES, spot=True) == [0]


def backlog(**fields: float) -> Backlog:
    values = {
        "arrival": 100.0, "waiting": 0.0, "oldest_s": 0.0, "spot_ready": 0.0, "spot_booting": 0.0,
        "on_demand": 0.0, "missing_s": 600.0,
    }  # fmt: skip
    return Backlog(**{**values, **fields})


def test_on_demand_waits_until_the_slack_is_gone() -> None:
    slack_s = RULES.deadline_s - RULES.margin_s
    assert on_demand_power(backlog(waiting=10_000.0), RULES) == 0
    assert on_demand_power(backlog(waiting=100 * slack_s), RULES) >= 100
    assert on_demand_power(backlog(waiting=100 * slack_s, missing_s=0.0), RULES) == 0


def test_on_demand_that_runs_stays_until_spot_is_back() -> None:
    waiting = 0.6 * 100 * (RULES.deadline_s - RULES.margin_s)
    assert on_demand_power(backlog(waiting=waiting, on_demand=90.0), RULES) == pytest.approx(100.0)
    assert on_demand_power(backlog(waiting=waiting, on_demand=90.0, spot_ready=120.0), RULES) == 0
    assert on_demand_power(backlog(waiting=100.0, on_demand=90.0, spot_ready=90.0), RULES) == 0


@given(st.floats(0, 1e6), st.floats(0, 200), st.floats(0, 200), st.floats(0, 5000))
def test_more_spot_never_needs_more_on_demand(
    waiting: float, ready: float, more: float, missing_s: float
) -> None:
    less = on_demand_power(backlog(waiting=waiting, spot_ready=ready, missing_s=missing_s), RULES)
    assert (
        on_demand_power(backlog(waiting=waiting, spot_ready=ready + more, missing_s=missing_s), RULES) <= less
    )


def test_idle_instances_are_drained_first_and_never_too_many() -> None:
    found = [
        Candidate(power=4.0, busy=0.5, price=1.0, booting=False),
        Candidate(power=4.0, busy=0.0, price=1.0, booting=False),
        Candidate(power=4.0, busy=0.0, price=2.0, booting=False),
        Candidate(power=4.0, busy=0.0, price=1.0, booting=True),
    ]
    assert choose_victims(found, 8.5) == [3, 2]
    assert choose_victims(found, 3.9) == []
    assert choose_victims(found, 100.0) == [3, 2, 1, 0]


def test_the_scaler_launches_spot_and_never_on_demand_while_spot_has_capacity() -> None:
    scaler = Scaler(RULES)
    pools = [spot(), on_demand()]
    for tick in range(100):
        decision = scaler.decide(work(tick * 30.0, waiting=50.0), pools)
        assert decision.launch_on_demand == 0
        pools[0].ready += round(decision.launch_spot / 4.0)
    assert pools[0].ready * 4.0 == pytest.approx(100 * RULES.base, abs=4.0)


def test_the_scaler_replaces_missing_spot_and_gives_on_demand_back_first() -> None:
    scaler = Scaler(RULES)
    pools = [spot(), on_demand()]
    waiting = 0.0
    launched_at = None
    for tick in range(60):
        waiting += 3000.0
        decision = scaler.decide(work(tick * 30.0, waiting=waiting, oldest_s=tick * 30.0), pools)
        if decision.launch_on_demand and launched_at is None:
            launched_at = tick * 30.0
    assert launched_at is not None
    # Late enough to be patient, early enough to boot before the deadline.
    assert 300.0 <= launched_at <= RULES.deadline_s - RULES.boot_s
    pools[1].ready, pools[0].ready = 30, 30
    decision = scaler.decide(work(1800.0, waiting=20_000.0), pools)
    assert decision.drain_on_demand == pytest.approx(120.0)
    assert decision.drain_spot <= 120 - decision.wanted


def test_a_fleet_without_spot_follows_its_work() -> None:
    decision = Scaler(RULES).decide(work(waiting=1200.0), [on_demand()])
    assert decision.launch_on_demand == pytest.approx(100 * RULES.base + 1.0)
    assert decision.launch_spot == 0
    surplus = Scaler(RULES).decide(work(), [on_demand(ready=50)])
    assert surplus.drain_on_demand == pytest.approx(200 - 100 * RULES.base * (1 + RULES.surplus))


def test_victims_of_equal_instances_are_counted() -> None:
    idle = Candidate(power=4.0, busy=0.0, price=1.0, booting=False, count=3)
    busy = Candidate(power=4.0, busy=1.0, price=1.0, booting=False, count=5)
    dear = Candidate(power=2.0, busy=1.0, price=2.0, booting=False, count=2)
    assert victim_counts([busy, idle, dear], 17.0) == [(1, 3), (2, 2)]
    assert victim_counts([busy, idle, dear], 25.0) == [(1, 3), (2, 2), (0, 2)]
    assert victim_counts([busy], 3.9) == []
