"""A seeded generator of a fleet's history: load, machines, correlated reclaims, prices and redone work.

Each minute, the load of a pool follows the day, the week and the season. Capacity follows the load with a
delay: by Spot while it is available, then by On-Demand. Reclaims come one at a time, more often in types and
zones under pressure, and from time to time as a wave that takes a share of one type in one zone at once.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace

from eddyline.fleet.demo.demo_jobs import starts_on
from eddyline.fleet.demo.demo_load import load_of, samples_of
from eddyline.fleet.demo.demo_pools import POOLS, ZONES, DemoPool, DemoType
from eddyline.fleet.demo.demo_prices import demo_prices, pressure_of
from eddyline.fleet.demo.history import NOTICE_S, History, Life

_HOUR_S, _DAY_S = 3600.0, 86_400.0
_STEP_S = 300.0  # machines are launched and ended in steps
_RECENT_S = 1 * _DAY_S  # in which there is a sample for each minute; before, one each five minutes
_JOBS_S = 14 * _DAY_S  # in which all machines have jobs; before, only the interrupted ones
_WAVE_EVERY_S = 4 * _DAY_S
_LOST_NOTICE = 0.03  # the share of interruptions without a notice
_SCARCE_S = 2 * _HOUR_S  # how long Spot capacity is scarce after a wave
_AVAILABLE, _AVAILABLE_WHEN_SCARCE = 0.94, 0.3
_ON_DEMAND = 0.12  # the share of launches that are On-Demand although Spot is available
_OLD_S = 1800.0  # machines live at least that long before a scale-in
_SURPLUS = 1.15
_SCALED_IN, _FAILED = 0.5, 0.04
_REBALANCE = 0.6  # the share of interruptions that a rebalance recommendation preceded


@dataclass(kw_only=True)
class _Pool:
    """The state of one pool while its history is generated."""

    pool: DemoPool
    running: list[Life] = field(default_factory=list)
    short_since: float | None = None


def generate(*, seed: int, now: float, days: float) -> History:
    """The history of the last `days` until `now` (seconds since 1970): the same for equal arguments."""
    rng = random.Random(seed)  # noqa: S311 - a demonstration, not a secret
    start = now - days * _DAY_S
    history = History(prices=demo_prices(rng, start=start, stop=now))
    for pool in POOLS:
        state = _Pool(pool=pool)
        waves = _waves(rng, pool, start, now)
        for number in range(math.ceil((now - start) / _STEP_S)):
            at = start + number * _STEP_S
            _advance(state, history, rng, at=at, now=now, start=start, waves=waves)
        history.lives += state.running
    for life in sorted(history.lives, key=lambda each: each.instance):
        if life.ended_by == "interruption" or life.launched >= now - _JOBS_S:
            history.starts += starts_on(life, rng, now=now)
    return history


def _waves(
    rng: random.Random, pool: DemoPool, start: float, now: float
) -> list[tuple[float, str, str, float]]:
    """Reclaims of a share of one type, or of one zone, at once: (time, type or "", zone or "", share)."""
    found, at = [], start + rng.expovariate(1 / _WAVE_EVERY_S)
    while at < now:
        of_type = rng.random() < 0.5  # noqa: PLR2004 - a half
        reclaimed = (rng.choice(pool.types).name, "") if of_type else ("", rng.choice(ZONES))
        found.append((at, *reclaimed, rng.uniform(0.4, 0.95)))
        at += rng.expovariate(1 / _WAVE_EVERY_S)
    return found


def _advance(
    state: _Pool,
    history: History,
    rng: random.Random,
    *,
    at: float,
    now: float,
    start: float,
    waves: list[tuple[float, str, str, float]],
) -> None:
    """Generate what happens in a pool from `at` for five minutes."""
    stop = min(at + _STEP_S, now)
    hit = [wave for wave in waves if at <= wave[0] < stop]
    kept = []
    for life in state.running:
        ended = _interruption(life, rng, at=at, stop=stop, waves=hit)
        if ended is None:
            kept.append(life)
        else:
            history.lives.append(ended)
    state.running = kept
    wanted = load_of(state.pool, at, start)
    scarce = any(at - _SCARCE_S <= wave[0] < stop for wave in waves)
    _scale(state, history, rng, wanted=wanted, at=at, stop=stop, scarce=scarce)
    every_s = 60 if at >= now - _RECENT_S else int(_STEP_S)
    short = state.short_since is not None
    history.samples += samples_of(
        state.pool, state.running, rng, start=start, at=at, stop=stop, every_s=every_s, short=short
    )


def _interruption(
    life: Life, rng: random.Random, *, at: float, stop: float, waves: list[tuple[float, str, str, float]]
) -> Life | None:
    """The machine's life with its end if it is interrupted in this step."""
    if not life.spot or life.launched > at:
        return None
    end = None
    for when, instance_type, zone, share in waves:
        is_hit = instance_type in {"", life.instance_type} and zone in {"", life.zone}
        if is_hit and rng.random() < share:
            end = when + rng.uniform(0, 90)
    if end is None:
        hourly = _rate(life) * pressure_of(life.instance_type, life.zone, at)
        if rng.random() >= 1 - math.exp(-hourly * (stop - at) / _HOUR_S):
            return None
        end = rng.uniform(at, stop)
    end = min(max(end, life.launched + 1), stop - 0.001)
    warned = None if rng.random() < _LOST_NOTICE else max(end - NOTICE_S - rng.uniform(0, 15), life.launched)
    rebalance = max(end - rng.uniform(180, 900), life.launched) if rng.random() < _REBALANCE else None
    return replace(life, terminated=end, ended_by="interruption", warned=warned, rebalance=rebalance)


def _rate(life: Life) -> float:
    pool = next(each for each in POOLS if each.name == life.pool)
    return next(each.interruptions_per_hour for each in pool.types if each.name == life.instance_type)


def _scale(
    state: _Pool,
    history: History,
    rng: random.Random,
    *,
    wanted: float,
    at: float,
    stop: float,
    scarce: bool,
) -> None:
    """Launch and end machines so that their vCPU follow what is wanted."""
    have = sum(life.vcpu or 0 for life in state.running)
    if have < wanted:
        if state.short_since is None:
            state.short_since = at
        on_demand = at - state.short_since >= state.pool.on_demand_after_s
        available = rng.random() < (_AVAILABLE_WHEN_SCARCE if scarce else _AVAILABLE)
        while have < wanted and (available or on_demand):
            spot = available and rng.random() >= _ON_DEMAND
            life = _launch(state.pool, rng, at=at, stop=stop, spot=spot)
            state.running.append(life)
            have += life.vcpu or 0
    else:
        state.short_since = None
    surplus = have - wanted * _SURPLUS
    for life in sorted(state.running, key=lambda each: (each.spot, each.launched)):
        fits = (life.vcpu or 0) <= surplus and at - life.launched > _OLD_S
        if fits and rng.random() < _SCALED_IN:
            ended_by = "other" if rng.random() < _FAILED else "scale-in"
            history.lives.append(replace(life, terminated=rng.uniform(at, stop), ended_by=ended_by))
            state.running.remove(life)
            surplus -= life.vcpu or 0


def _launch(pool: DemoPool, rng: random.Random, *, at: float, stop: float, spot: bool) -> Life:
    kind: DemoType = rng.choices(pool.types, [each.weight for each in pool.types])[0]
    return Life(
        instance=f"i-{rng.getrandbits(68):017x}",
        pool=pool.name,
        instance_type=kind.name,
        zone=rng.choice(ZONES),
        vcpu=kind.vcpu,
        spot=spot,
        launched=rng.uniform(at, stop),
    )
