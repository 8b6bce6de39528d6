"""Runs a candidate with Eddyline's scaler, and extrapolates what it costs in a month."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eddyline.fleet.plan.fixed_costs import HOURS
from eddyline.fleet.scaler.rules import ScalerRules
from eddyline.sim.comparison.interval import Interval, interval_of
from eddyline.sim.engine.aggregate import AggregateEngine
from eddyline.sim.engine.exact import ExactEngine
from eddyline.sim.engine.fleet import FleetRules
from eddyline.sim.engine.instance import Offer
from eddyline.sim.engine.result import RunResult
from eddyline.sim.market.generate import generate
from eddyline.sim.market.generated_spec import GeneratedMarket, Preset
from eddyline.sim.market.market import MarketPool
from eddyline.sim.policies.scaler_policy import ScalerPolicy
from eddyline.sim.recommend.candidates import Candidate
from eddyline.sim.recommend.load import Load

_UNITS = 100  # the least instances of a pool of the generated market
_TIMES_THE_LOAD = 10  # that the market holds at least


@dataclass(frozen=True)
class Plan:
    """A candidate with the times that the scaler aims at, in seconds."""

    candidate: Candidate
    deadline_s: float
    backlog_s: float


@dataclass(frozen=True, kw_only=True)
class PlanRun:
    """What one run says of a plan, for the whole load. `*_vcpu`: the most that ran at a time."""

    monthly_usd: float
    p50_s: float
    p99_s: float
    spot_share: float
    spot_vcpu: float
    on_demand_vcpu: float


@dataclass(frozen=True, kw_only=True)
class PlanFigures:
    """A plan over several seeds."""

    plan: Plan
    runs: Sequence[PlanRun]

    @cached_property
    def monthly_usd(self) -> Interval:
        """Dollars a month for machines, by the list price."""
        return interval_of([each.monthly_usd for each in self.runs])

    @cached_property
    def p50_s(self) -> Interval:
        """The median time to ready."""
        return interval_of([each.p50_s for each in self.runs])

    @cached_property
    def p99_s(self) -> Interval:
        """The time in which 99 % of the assets were ready."""
        return interval_of([each.p99_s for each in self.runs])

    @cached_property
    def spot_share(self) -> Interval:
        """The share of the work that Spot did."""
        return interval_of([each.spot_share for each in self.runs])

    @property
    def spot_vcpu(self) -> float:
        """The most vCPU on Spot in any run."""
        return max(each.spot_vcpu for each in self.runs)

    @property
    def on_demand_vcpu(self) -> float:
        """The most vCPU On-Demand in any run."""
        return max(each.on_demand_vcpu for each in self.runs)


class Evaluator:
    """Runs plans under one load in a generated market; each run is done once."""

    def __init__(self, load: Load, *, market: Preset = "scarce", zones: int = 3) -> None:
        self.load = load
        self.market: Preset = market
        self.zones = string.ascii_lowercase[:zones]
        self._rules = FleetRules()
        self._runs: dict[tuple[Plan, int], PlanRun] = {}

    def figures(self, plan: Plan, seeds: Sequence[int]) -> PlanFigures:
        """The figures over these seeds."""
        return PlanFigures(plan=plan, runs=[self.run(plan, seed) for seed in seeds])

    def run(self, plan: Plan, seed: int) -> PlanRun:
        """One run."""
        key = plan, seed
        if key not in self._runs:
            self._runs[key] = self._simulate(plan, seed)
        return self._runs[key]

    def _simulate(self, plan: Plan, seed: int) -> PlanRun:
        workload = self.load.workload
        offers = plan.candidate.offers(zones=self.zones, reference_fps=workload.encode_fps())
        rules = ScalerRules(
            backlog_s=plan.backlog_s,
            deadline_s=plan.deadline_s,
            boot_s=self._rules.boot_s,
            job_s=workload.chunk_s,
        )
        engine: Any = ExactEngine if self.load.exact else AggregateEngine
        result: RunResult = engine(
            offers,
            self._market(plan.candidate, seed),
            self.load.arrivals(seed),
            ScalerPolicy(rules),
            end_s=self.load.end_s,
            seed=seed,
            rules=self._rules,
        ).run()
        return self._extrapolated(result, offers)

    def _market(self, candidate: Candidate, seed: int) -> dict[str, MarketPool]:
        """Pools with the figures of the types, which hold many times the load."""
        slots = sum(candidate.slots) * len(self.zones)
        spec = GeneratedMarket(
            preset=self.market,
            types=tuple(each.name for each in candidate.types),
            zones=len(self.zones),
            units=max(math.ceil(_TIMES_THE_LOAD * self.load.mean_slots / slots), _UNITS),
        )
        types = {each.name: each for each in candidate.types}
        market = generate(spec, types=types, seed=seed, end_s=self.load.end_s)
        return {each.name: each for each in market.pools}

    def _extrapolated(self, result: RunResult, offers: Sequence[Offer]) -> PlanRun:
        months = self.load.end_s / 3600 / HOURS
        vcpu = max(each.vcpu / each.power for each in offers) * self.load.parts
        return PlanRun(
            monthly_usd=result.totals.cost_usd * self.load.parts / months,
            p50_s=result.p50_s,
            p99_s=result.p99_s,
            spot_share=result.spot_share,
            spot_vcpu=max((each.spot for each in result.samples), default=0.0) * vcpu,
            on_demand_vcpu=max((each.on_demand for each in result.samples), default=0.0) * vcpu,
        )
