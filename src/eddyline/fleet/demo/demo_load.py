"""The load of the demonstration over time, and the samples of capacity and backlog that follow from it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

from eddyline.fleet.demo.demo_pools import DemoPool
from eddyline.fleet.demo.history import Life
from eddyline.graph.pool_sample import PoolSample

_DAY_S = 86_400.0
_YEAR_S = 365.25 * _DAY_S
_WEEKEND = 5 / 7
_LONGEST_DUE_S = 1800.0


def load_of(pool: DemoPool, at: float, start: float) -> float:
    """The vCPU that a pool's work needs: more in the evening, on weekends, in summer and at each new year.

    It grows by a quarter in a year from `start`.
    """
    day = (at % _DAY_S) / _DAY_S
    week = ((at / _DAY_S + 3) % 7) / 7  # 0 is Monday
    year = (at % _YEAR_S) / _YEAR_S
    daily = max(0.55 + 0.45 * math.sin(2 * math.pi * (day - 0.54)), 0.08)
    weekly = 1.35 if week >= _WEEKEND else 1.0
    new_year = math.exp(-((((year + 0.5) % 1 - 0.5) * 40) ** 2))
    season = 1 + 0.35 * math.sin(2 * math.pi * (year - 0.3)) + 0.6 * new_year
    wobble = 1 + 0.12 * math.sin(at / 5400 + len(pool.name)) + 0.05 * math.sin(at / 1260)
    growth = 1 + 0.25 * (at - start) / (366 * _DAY_S)
    return pool.peak_vcpu * daily * weekly * season * wobble * growth / 2


def samples_of(
    pool: DemoPool,
    running: Sequence[Life],
    rng: random.Random,
    *,
    start: float,
    at: float,
    stop: float,
    every_s: int,
    short: bool,
) -> Iterator[PoolSample]:
    """The samples from `at` to before `stop`; `short`: Spot has not provided what is missing."""
    for minute in range(math.ceil(at / every_s) * every_s, math.ceil(stop), every_s):
        alive = [life for life in running if life.launched <= minute]
        spot = sum(life.vcpu or 0 for life in alive if life.spot)
        have = sum(life.vcpu or 0 for life in alive)
        need = load_of(pool, minute, start)
        missing = max(need - have, 0.0)
        slots = have // pool.slot_vcpu
        yield PoolSample(
            minute=minute,
            pool=pool.name,
            spot_vcpu=spot,
            on_demand_vcpu=have - spot,
            spot_instances=sum(life.spot for life in alive),
            on_demand_instances=sum(not life.spot for life in alive),
            slots=slots,
            busy_slots=min(slots, int(need / pool.slot_vcpu)),
            due_jobs=int(missing / pool.slot_vcpu * rng.uniform(2, 4)) + rng.randrange(3),
            backlog_vcpu_s=need * 240 + missing * 900 * rng.uniform(0.8, 1.2),
            oldest_due_s=min(missing * 3, _LONGEST_DUE_S) if missing else rng.uniform(0, 20),
            wanted_vcpu=int(need),
            spot_shortfall_vcpu=int(missing) if short else 0,
        )
