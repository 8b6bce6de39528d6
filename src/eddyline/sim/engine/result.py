"""What a simulated run costs and achieves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Sample:
    """The fleet at one time (seconds). Powers and `busy` are in reference slots, `waiting` in slot-seconds.

    `spot`, `on_demand`: of instances that boot or take jobs, of which `booting` do not take jobs yet.
    `cost_usd`: what was paid until then, running instances included. `interruptions`: until then.
    """

    at: float
    spot: float
    on_demand: float
    booting: float
    busy: float
    waiting: float
    cost_usd: float
    interruptions: int


@dataclass(frozen=True, slots=True)
class Life:
    """An ended Spot Instance: how long it lived, in seconds, and whether the market reclaimed it."""

    seconds: float
    interrupted: bool


@dataclass(kw_only=True)
class Totals:
    """Sums of a run. Work is in reference slot-seconds, money in dollars by the list price.

    `billed_usd` leaves out the Spot Instances that AWS interrupts in their first hour, `own_usd` is the price
    of the same instance-hours On-Demand, `boot_usd` is paid until workers took jobs. `redone` is the work
    that was lost and done again. `warned`: interruptions with a notice.
    """

    arrived: float = 0.0
    done: float = 0.0
    spot: float = 0.0
    redone: float = 0.0
    cost_usd: float = 0.0
    spot_usd: float = 0.0
    billed_usd: float = 0.0
    own_usd: float = 0.0
    boot_usd: float = 0.0
    launches: int = 0
    failures: int = 0
    interruptions: int = 0
    warned: int = 0
    handed_back: int = 0
    lost: int = 0
    jobs: int = 0
    jobs_done: int = 0
    events: int = 0


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """One run. `ready_s`: the sorted times from the arrival of each asset until it was ready.

    `drains_s`: of drained instances, the times from the notice or the scale-in to the exit of the worker.
    """

    seed: int
    end_s: float
    totals: Totals
    ready_s: NDArray[np.float64]
    samples: list[Sample] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    drains_s: list[float] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def p50_s(self) -> float:
        """The median time to ready."""
        return percentile(self.ready_s, 0.5)

    @property
    def p99_s(self) -> float:
        """The time in which 99 % of the assets were ready."""
        return percentile(self.ready_s, 0.99)

    @property
    def spot_share(self) -> float:
        """The share of the work that Spot did."""
        return self.totals.spot / self.totals.done if self.totals.done else 0.0

    @property
    def redone_share(self) -> float:
        """Redone work relative to the work."""
        return self.totals.redone / self.totals.done if self.totals.done else 0.0


def percentile(values: NDArray[np.float64], share: float) -> float:
    """The smallest of the sorted values that at least `share` of them do not exceed; NaN without values."""
    if not len(values):
        return math.nan
    return float(values[max(math.ceil(share * len(values)) - 1, 0)])
