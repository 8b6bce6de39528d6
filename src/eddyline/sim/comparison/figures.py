"""What is compared: the figures of a policy at a deadline, relative to baselines and the oracle."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eddyline.sim.comparison.interval import Interval
from eddyline.sim.engine.result import RunResult

BASELINES: Mapping[str, str] = {
    "own": "on-demand-own",
    "best": "on-demand-best",
    "published_classic": "on-demand-classic",
    "published_attributes": "on-demand-attributes",
}
"""The baselines of savings, and their policies."""


@dataclass(frozen=True, slots=True)
class SeedFigures:
    """One run of one policy, in numbers: what is kept of the runs of all seeds."""

    seed: int
    cost_usd: float
    billed_usd: float
    own_usd: float
    p50_s: float
    p99_s: float
    spot_share: float
    redone_share: float
    interruptions: int
    launches: int
    hours: float
    events: int
    wall_s: float

    @classmethod
    def unfinished(cls, seed: int) -> SeedFigures:
        """Of a run whose work was not done in any reasonable time."""
        return cls(
            seed=seed,
            cost_usd=math.inf,
            billed_usd=math.inf,
            own_usd=math.inf,
            p50_s=math.inf,
            p99_s=math.inf,
            spot_share=0.0,
            redone_share=0.0,
            interruptions=0,
            launches=0,
            hours=1.0,
            events=0,
            wall_s=0.0,
        )

    @classmethod
    def of(cls, run: RunResult) -> SeedFigures:
        """The figures of a run."""
        totals = run.totals
        return cls(
            seed=run.seed,
            cost_usd=totals.cost_usd,
            billed_usd=totals.billed_usd,
            own_usd=totals.own_usd,
            p50_s=run.p50_s,
            p99_s=run.p99_s,
            spot_share=run.spot_share,
            redone_share=run.redone_share,
            interruptions=totals.interruptions,
            launches=totals.launches,
            hours=run.end_s / 3600,
            events=totals.events,
            wall_s=run.wall_s,
        )


@dataclass(frozen=True, kw_only=True)
class PolicyFigures:
    """A policy at a deadline, over all seeds.

    `backlog_s` is the tuned target time; `meets`: whether its mean p99 is within 2 % of the deadline. `saved`
    are shares (0 to 1) against the baselines, and `oracle_ratio` is the cost relative to the oracle's.
    """

    policy: str
    label: str
    backlog_s: float
    meets: bool
    cost_usd: Interval
    billed_usd: Interval
    p50_s: Interval
    p99_s: Interval
    spot_share: Interval
    redone_share: Interval
    interruptions_per_h: Interval
    launches: Interval
    saved: Mapping[str, Interval] = field(default_factory=dict)
    oracle_ratio: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class DeadlineFigures:
    """All policies at one deadline: `name` is "tight" or the minutes.

    `unfinished`: policies whose capacity never does the work. The oracle's figures are None where
    `oracle_missing` says why.
    """

    name: str
    deadline_s: float
    policies: Sequence[PolicyFigures]
    unfinished: Sequence[str]
    oracle_usd: Interval | None
    oracle_spot_share: Interval | None
    oracle_missing: str = ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A scenario, compared. `facts`: the market, the workload and the prices in words."""

    name: str
    seeds: Sequence[int]
    facts: Mapping[str, str]
    deadlines: Sequence[DeadlineFigures]
