"""Pools of a market, lifetimes by hazard, and notices."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from eddyline.sim.market.market import Hazard, MarketPool, NoticeModel

END = 1000.0


def _pool(**fields: object) -> MarketPool:
    return MarketPool(**{"name": "a", "type": "c8g.large", "zone": "a", "units": 5, **fields})  # type: ignore[arg-type]


def test_a_capacity_pool_counts_by_its_last_change() -> None:
    pool = _pool(capacity=((0.0, 2), (100.0, 0), (500.0, 5)))
    assert [pool.count_at(t) for t in (0, 99.9, 100, 499, 500, 5000)] == [2, 2, 0, 0, 5, 5]
    assert pool.mean_count(END) == pytest.approx((200 + 2500) / END)
    assert pool.mean_count(50) == 2


def test_a_nodes_pool_counts_the_nodes_that_are_there() -> None:
    pool = _pool(nodes=((100.0, 200.0), (150.0, None), (200.0, 300.0)))
    assert [pool.count_at(t) for t in (0, 100, 150, 200, 299, 300, 2000)] == [0, 1, 2, 2, 2, 1, 1]
    assert pool.counts() == ((0.0, 0), (100.0, 1), (150.0, 2), (300.0, 1))
    assert pool.mean_count(END) == pytest.approx((100 + 850 + 100) / END)


def test_a_node_at_the_start_is_counted_from_0() -> None:
    assert _pool(nodes=((0.0, None),)).counts() == ((0.0, 1),)


def test_lifetimes_of_a_flat_hazard_are_exponential() -> None:
    rng = random.Random(1)
    lives = [Hazard(per_hour=0.5).lifetime(rng) for _ in range(4000)]
    assert statistics.fmean(lives) == pytest.approx(7200, rel=0.05)
    assert statistics.stdev(lives) == pytest.approx(7200, rel=0.08)


def test_without_a_hazard_an_instance_lives_forever() -> None:
    assert Hazard(per_hour=0).lifetime(random.Random(1)) == math.inf


@pytest.mark.parametrize("age", [300.0, 1800.0, 43_200.0, 86_400.0, 100_000.0])
def test_the_share_that_survives_an_age_follows_the_hazard(age: float) -> None:
    hazard = Hazard(per_hour=0.01, early_per_hour=0.5, early_s=900, late_per_hour=0.3)
    rng = random.Random(age)
    alive = statistics.fmean(hazard.lifetime(rng) > age for _ in range(4000))
    steps = 4000
    total = sum(hazard.at((step + 0.5) * age / steps) for step in range(steps)) * age / steps / 3600
    assert alive == pytest.approx(math.exp(-total), abs=0.025)


def test_lifetimes_are_the_same_for_the_same_seed() -> None:
    hazard = Hazard(per_hour=0.1, early_per_hour=1, late_per_hour=1)
    assert hazard.lifetime(random.Random(7)) == hazard.lifetime(random.Random(7))


def test_notices_are_absent_or_late_by_their_shares() -> None:
    model, rng = NoticeModel(absent=0.2, late=0.3), random.Random(3)
    leads = [model.lead(rng) for _ in range(4000)]
    assert statistics.fmean(lead == 0 for lead in leads) == pytest.approx(0.2, abs=0.02)
    late = [lead for lead in leads if 0 < lead < 120]
    assert len(late) / len(leads) == pytest.approx(0.3, abs=0.025)
    assert statistics.fmean(late) == pytest.approx(60, rel=0.06)
    assert NoticeModel(lead_s=0).lead(rng) == 0
