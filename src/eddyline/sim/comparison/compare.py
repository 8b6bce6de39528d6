"""Compares policies in a scenario: tunes each for each deadline, and runs all seeds in several processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from statistics import fmean
from typing import Self

from eddyline.sim.comparison.figures import (
    BASELINES,
    Comparison,
    DeadlineFigures,
    PolicyFigures,
    SeedFigures,
)
from eddyline.sim.comparison.interval import Interval, interval_of
from eddyline.sim.comparison.tuning import TOLERANCE, tune
from eddyline.sim.engine.overtime import UnfinishedError
from eddyline.sim.offers import market_slots
from eddyline.sim.policies.policy_set import LABELS
from eddyline.sim.scenario import TIGHT, Scenario
from eddyline.sim.simulation import oracle_cost, run_policy, world_of
from eddyline.sim.world import World

DEFAULT_BACKLOG_S = 1200.0
"""The target time at which On-Demand's own p99, the deadline "tight", is measured."""

_TABLE = "On-Demand 2026-07, Spot advisor 2025-06, us-east-1, of the table in sim/types/types.csv"
_TUNING_SEEDS = (1_000_001, 1_000_002)
_TIGHT_BASELINE = ("on-demand-best", "on-demand-own")

Report = Callable[[str], None]
"""Called with a line about what has been done."""


@dataclass(frozen=True, slots=True)
class _Task:
    """Runs of some policies, with their target times, in the world of one seed."""

    scenario: str
    seed: int
    deadline_s: float
    backlog_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Deadline:
    name: str
    seconds: float


def compare(
    scenario: Scenario, *, seeds: Sequence[int], processes: int = 1, report: Report = lambda _line: None
) -> Comparison:
    """The figures of the scenario's policies. Raises `UsageError` for what the scenario does not allow."""
    world = world_of(scenario, seeds[0])
    policies = applicable_policies(scenario)
    text = scenario.model_dump_json()
    with _Pool(processes) as pool:
        deadlines = [_deadline(each, text, policies, pool) for each in scenario.deadlines]
        found = [_at_deadline(each, text, policies, seeds, pool, scenario, report) for each in deadlines]
    return Comparison(name=scenario.name, seeds=seeds, facts=facts_of(world), deadlines=found)


def applicable_policies(scenario: Scenario) -> list[str]:
    """The policies of the scenario that its market allows: a file has no pools of the published lists."""
    if scenario.market.file is None:
        return list(scenario.policies)
    return [each for each in scenario.policies if not each.startswith("published-")]


def facts_of(world: World) -> dict[str, str]:
    """The scenario in words."""
    market, workload = world.supply.market, world.scenario.workload
    most, mean = market_slots(market, world.supply.offers)
    assets, chunks, work = world.sizes()
    return {
        "market": f"{market.name}: {len(market.pools)} pools, {market.source}".rstrip(": ,"),
        "market capacity": f"{most:,.0f} reference slots at most, {mean:,.0f} on average",
        "workload": f"{assets:,} assets with {chunks:,} chunks in "
        f"{world.end_s / 3600:,.1f} hours; {work / world.end_s:,.1f} of {workload.slots:,.0f} slots are busy",
        "prices": "of the files in `prices`"
        if world.scenario.prices
        else "of the table in sim/types/types.csv",
        "boot": f"{world.scenario.boot_s:g} s",
        **({"assumed": _assumptions(world)} if _assumptions(world) else {}),
    }


def _assumptions(world: World) -> str:
    """What the market's types lack: then only savings against the types of the market mean something."""
    kinds = {offer.type for offer in world.supply.offers}
    unknown = sorted(kinds & world.assumed_types)
    slow = sorted(kind for kind in kinds if world.types[kind].fps_per_vcpu is None and kind not in unknown)
    parts = []
    if unknown:
        each = world.types[unknown[0]]
        parts.append(
            f"{', '.join(unknown)}: unknown, taken as {each.vcpu} vCPU, ${each.on_demand_usd_h:g} an hour "
            f"On-Demand and {1 - each.spot_usd_h / each.on_demand_usd_h:.0%} less on Spot"
        )
    if slow or unknown:
        parts.append(
            f"{', '.join([*slow, *unknown])}: speed not measured, taken as the reference; compare with the "
            "types of the market only"
        )
    return "; ".join(parts)


class _Pool:
    """Runs tasks in this process, or in several."""

    def __init__(self, processes: int) -> None:
        self._executor = (
            ProcessPoolExecutor(processes, mp_context=get_context("spawn")) if processes > 1 else None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def run(self, tasks: Iterable[_Task]) -> list[dict[str, SeedFigures]]:
        """The figures of each task by policy, in the order of the tasks."""
        return list(map(_run, tasks) if self._executor is None else self._executor.map(_run, tasks))

    def oracle(self, scenario: str, deadline_s: float, seeds: Sequence[int]) -> list[tuple[float, float]]:
        """The oracle of each seed."""
        ask = partial(_ask_oracle, scenario, deadline_s)
        return list(map(ask, seeds) if self._executor is None else self._executor.map(ask, seeds))


def _run(task: _Task) -> dict[str, SeedFigures]:
    world = world_of(Scenario.model_validate_json(task.scenario, strict=False), task.seed)
    return {policy: _figures_of(world, policy, task) for policy in task.backlog_s}


def _figures_of(world: World, policy: str, task: _Task) -> SeedFigures:
    try:
        run = run_policy(world, policy, deadline_s=task.deadline_s, backlog_s=task.backlog_s[policy])
    except UnfinishedError:
        return SeedFigures.unfinished(task.seed)
    return SeedFigures.of(run)


def _ask_oracle(scenario: str, deadline_s: float, seed: int) -> tuple[float, float]:
    return oracle_cost(world_of(Scenario.model_validate_json(scenario, strict=False), seed), deadline_s)


def _deadline(each: float | str, text: str, policies: Sequence[str], pool: _Pool) -> _Deadline:
    """A deadline in seconds; "tight" is the p99 of an On-Demand policy as it is by default."""
    if each != TIGHT:
        return _Deadline(f"{float(each):g} min", float(each) * 60)
    baseline = next((name for name in _TIGHT_BASELINE if name in policies), _TIGHT_BASELINE[0])
    given = {baseline: DEFAULT_BACKLOG_S}
    found = pool.run(_Task(text, seed, DEFAULT_BACKLOG_S, given) for seed in _TUNING_SEEDS)
    return _Deadline(TIGHT, fmean(each[baseline].p99_s for each in found))


def _at_deadline(
    deadline: _Deadline,
    text: str,
    policies: Sequence[str],
    seeds: Sequence[int],
    pool: _Pool,
    scenario: Scenario,
    report: Report,
) -> DeadlineFigures:
    def attempt(backlog_s: Mapping[str, float]) -> Mapping[str, tuple[float, float]]:
        tried = pool.run(_Task(text, seed, deadline.seconds, backlog_s) for seed in _TUNING_SEEDS)
        return {
            policy: (
                fmean(each[policy].p99_s for each in tried),
                fmean(each[policy].cost_usd for each in tried),
            )
            for policy in backlog_s
        }

    tuned = tune(attempt, policies, deadline.seconds)
    report(f"{deadline.name}: tuned {len(policies)} policies")
    found = pool.run(_Task(text, seed, deadline.seconds, tuned) for seed in seeds)
    runs = {policy: [each[policy] for each in found] for policy in policies}
    report(f"{deadline.name}: {len(seeds)} seeds")
    finished = {
        policy: found for policy, found in runs.items() if all(math.isfinite(each.p99_s) for each in found)
    }
    oracle, missing = _oracle(text, deadline, seeds, pool, wanted=scenario.oracle)
    return DeadlineFigures(
        name=deadline.name,
        deadline_s=deadline.seconds,
        policies=[
            _figures(policy, tuned[policy], deadline, finished, [cost for cost, _ in oracle])
            for policy in finished
        ],
        unfinished=[policy for policy in policies if policy not in finished],
        oracle_usd=interval_of([cost for cost, _ in oracle]) if oracle else None,
        oracle_spot_share=interval_of([share for _, share in oracle]) if oracle else None,
        oracle_missing=missing,
    )


def _oracle(
    text: str, deadline: _Deadline, seeds: Sequence[int], pool: _Pool, *, wanted: bool
) -> tuple[list[tuple[float, float]], str]:
    if not wanted:
        return [], "the scenario leaves it out"
    try:
        return pool.oracle(text, deadline.seconds, seeds), ""
    except ImportError:
        return [], "it needs the extra sim: pip install 'eddyline[sim]'"


def _figures(
    policy: str,
    backlog_s: float,
    deadline: _Deadline,
    runs: dict[str, list[SeedFigures]],
    oracle: Sequence[float],
) -> PolicyFigures:
    own = runs[policy]

    def over(value: Callable[[SeedFigures], float]) -> Interval:
        return interval_of([value(each) for each in own])

    return PolicyFigures(
        policy=policy,
        label=LABELS[policy],
        backlog_s=backlog_s,
        meets=fmean(each.p99_s for each in own) <= deadline.seconds * TOLERANCE,
        cost_usd=over(lambda each: each.cost_usd),
        billed_usd=over(lambda each: each.billed_usd),
        p50_s=over(lambda each: each.p50_s),
        p99_s=over(lambda each: each.p99_s),
        spot_share=over(lambda each: each.spot_share),
        redone_share=over(lambda each: each.redone_share),
        interruptions_per_h=over(lambda each: each.interruptions / each.hours),
        launches=over(lambda each: float(each.launches)),
        saved={
            key: interval_of(
                [1 - each.cost_usd / base.cost_usd for each, base in zip(own, runs[baseline], strict=True)]
            )
            for key, baseline in BASELINES.items()
            if baseline in runs
        },
        oracle_ratio=interval_of([each.cost_usd / cost for each, cost in zip(own, oracle, strict=True)])
        if oracle
        else None,
    )
