"""Runs a policy in the world of a seed, and asks the oracle about it."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from eddyline.core.errors import EddylineError
from eddyline.sim.engine.aggregate import AggregateEngine
from eddyline.sim.engine.exact import ExactEngine
from eddyline.sim.engine.instance import Offer
from eddyline.sim.engine.result import RunResult
from eddyline.sim.ledger_queue import LedgerQueue
from eddyline.sim.market.market import MarketPool
from eddyline.sim.policies.policy_set import policy_setup
from eddyline.sim.queue import SimQueue
from eddyline.sim.scenario import Scenario
from eddyline.sim.workload.asset_arrival import arrivals_per_step
from eddyline.sim.world import World

_STEP_S = 60.0


class EngineError(EddylineError):
    """The production ledger did not do every job exactly once in a simulation."""


@lru_cache(maxsize=2)
def _world(scenario_json: str, seed: int) -> World:
    return World(Scenario.model_validate_json(scenario_json, strict=False), seed)


def world_of(scenario: Scenario, seed: int) -> World:
    """The world of a seed; the last ones are kept."""
    return _world(scenario.model_dump_json(), seed)


def run_policy(world: World, name: str, *, deadline_s: float, backlog_s: float) -> RunResult:
    """One run of a policy with one target time, by the engine of the scenario.

    The engine "aggregate" counts instances and jobs; it has no owners and priorities. The engine "ledger" is
    the exact one with the production ledger as its queue; raises `EngineError` if it lost a job or did
    one twice.
    """
    if world.scenario.engine == "aggregate":
        return _run_in_counts(world, name, deadline_s, backlog_s)
    if world.scenario.engine != "ledger":
        return _run(world, name, deadline_s, backlog_s, SimQueue())
    with LedgerQueue(seed=world.seed) as queue:
        result = _run(world, name, deadline_s, backlog_s, queue)
        counts = queue.verify()
    if counts.lost or counts.doubled:
        raise EngineError(
            f"the ledger lost {counts.lost:,} jobs and did {counts.doubled:,} twice",
            remedy="report this with the scenario and the seed",
        )
    return result


def _run(
    world: World, name: str, deadline_s: float, backlog_s: float, queue: SimQueue | LedgerQueue
) -> RunResult:
    setup = policy_setup(name, world, deadline_s)
    return ExactEngine(
        setup.offers,
        setup.pools,
        world.arrivals,
        setup.make(backlog_s),
        end_s=world.end_s,
        seed=world.seed,
        rules=setup.rules,
        queue=queue,
    ).run()


def _run_in_counts(world: World, name: str, deadline_s: float, backlog_s: float) -> RunResult:
    setup = policy_setup(name, world, deadline_s)
    return AggregateEngine(
        setup.offers,
        setup.pools,
        world.batches(),
        setup.make(backlog_s),
        end_s=world.end_s,
        seed=world.seed,
        rules=setup.rules,
    ).run()


def oracle_cost(world: World, deadline_s: float) -> tuple[float, float]:
    """The cost of the oracle in dollars, and the share of its work on Spot.

    It has the offers of the policy `eddyline`. Raises ImportError without scipy (the extra `sim`).
    """
    from eddyline.sim.oracle import OraclePool, merge_equal_pools, solve_oracle  # noqa: PLC0415 - scipy is an extra

    found = _work_per_step(world)
    steps = len(found) + math.ceil(deadline_s / _STEP_S)
    pools = [
        OraclePool(
            name=offer.name,
            usd_per_s=offer.usd_h / 3600,
            slots=offer.power,
            capacity=mean_counts(pool, steps).tolist(),
            spot=True,
        )
        for offer, pool in zip(world.supply.offers, world.supply.market.pools, strict=True)
    ]
    cheapest: Offer = min(world.own_on_demand, key=lambda offer: offer.usd_h / offer.power)
    pools.append(
        OraclePool(
            name=cheapest.name,
            usd_per_s=cheapest.usd_h / 3600,
            slots=cheapest.power,
            capacity=None,
            spot=False,
        )
    )
    result = solve_oracle(
        found,
        merge_equal_pools(pools, steps),
        deadline_s=deadline_s,
        boot_s=world.scenario.boot_s,
        step_s=_STEP_S,
    )
    return result.cost_usd, result.spot_share


def _work_per_step(world: World) -> NDArray[np.float64]:
    """The work that arrives in each step; that of a large fleet without single assets."""
    if world.scenario.engine != "aggregate":
        return arrivals_per_step(world.arrivals, end_s=world.end_s, step_s=_STEP_S)
    work = np.zeros(math.ceil(world.end_s / _STEP_S))
    for batch in world.batches():
        np.add.at(work, (batch.at / _STEP_S).astype(np.int64), batch.jobs * batch.weight)
    return work


def mean_counts(pool: MarketPool, steps: int) -> NDArray[np.float64]:
    """The mean capacity of a pool in each step, in instances."""
    counts = pool.counts()
    at = np.array([each[0] for each in counts])
    values = np.array([each[1] for each in counts], dtype=np.float64)
    edges = np.arange(steps + 1) * _STEP_S
    total = np.concatenate([[0.0], np.cumsum(values[:-1] * np.diff(at))])
    place = np.maximum(np.searchsorted(at, edges, side="right") - 1, 0)
    integral = total[place] + (edges - at[place]) * values[place]
    means: NDArray[np.float64] = np.diff(integral) / _STEP_S
    return means
