"""What the Spot dashboard shows: the reports that the API returns as JSON and as CSV."""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.fleet.dashboard.capacity import PoolCapacity
from eddyline.fleet.dashboard.drains import Drains
from eddyline.fleet.dashboard.grouping import Grouping
from eddyline.fleet.dashboard.rates import RateGroup
from eddyline.fleet.dashboard.reclaims import Reclaim, Replacements
from eddyline.fleet.dashboard.survival import SurvivalPoint
from eddyline.fleet.dashboard.usage import SavingsGroup, UsageGroup
from eddyline.graph.ledger.fleet.interrupted_work import RedoneWork


@dataclass(frozen=True, kw_only=True)
class Range:
    """The time that a report is about, from `start` to before `stop`, in seconds since 1970.

    `steps` are the starts of its steps, the first and the last of which may be shorter than `step_s`.
    `demonstration` says what the data show if they are made up; "": they are real.
    """

    start: float
    stop: float
    step_s: int
    steps: list[float]
    demonstration: str


@dataclass(frozen=True, kw_only=True)
class Interruptions:
    """Interruption rates of Spot Instances over time, of all and by group.

    `unfollowed` running instances have a warning that no termination followed yet. `incomplete` instances
    are left out: no event said when they were launched, or whether they are Spot.
    """

    range: Range
    by: Grouping
    confidence: float
    total: RateGroup
    groups: list[RateGroup]
    unfollowed: int
    incomplete: int


@dataclass(frozen=True, kw_only=True)
class Running:
    """Running machines over time, of all and by group; `spot_target` is the wished share of Spot."""

    range: Range
    by: Grouping
    spot_target: float
    total: UsageGroup
    groups: list[UsageGroup]
    incomplete: int


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Capacity against backlog: of all pools together ("all"), then of each.

    One sample each `sample_interval_s` seconds is read.
    """

    range: Range
    sample_interval_s: int
    pools: list[PoolCapacity]


@dataclass(frozen=True, kw_only=True)
class SavingsReport:
    """What machines cost, and what the same hours cost On-Demand, of all and by group.

    `prices` is the number of known prices: 0 where none are recorded yet.
    """

    range: Range
    by: Grouping
    prices: int
    total: SavingsGroup
    groups: list[SavingsGroup]


@dataclass(frozen=True, kw_only=True)
class DrainBucket:
    """`machines` were drained within `at_most_s` seconds of their notice (None: longer), but not less."""

    at_most_s: float | None
    machines: int


@dataclass(frozen=True, kw_only=True)
class DrainReport:
    """Notice to drained, and redone work of interruptions, of all and by group.

    `redone` is the work that did not count on any machine, also for other reasons than interruptions: by pool
    and outcome, if only filtered by pool.
    """

    range: Range
    by: Grouping
    total: Drains
    groups: list[Drains]
    histogram: list[DrainBucket]
    redone: list[RedoneWork]


@dataclass(frozen=True, kw_only=True)
class SurvivalGroup:
    """The survival curve of the Spot Instances that were launched in the window.

    `censored` of the `instances` were not interrupted: scaled in, ended otherwise, or running. The median is
    None if more than half survive. `survival_at_60_min` is None if no instance was followed that long.
    """

    key: str
    instances: int
    interruptions: int
    censored: int
    median_s: float | None
    survival_at_60_min: float | None
    longest_s: float
    points: list[SurvivalPoint]


@dataclass(frozen=True, kw_only=True)
class SurvivalReport:
    """Survival curves, of all and of the groups with the most launches."""

    range: Range
    by: Grouping
    total: SurvivalGroup
    groups: list[SurvivalGroup]


@dataclass(frozen=True, kw_only=True)
class MachineCounts:
    """Machines that ran in the window, by their state at its end.

    `incomplete` ones are of unknown launch or lifecycle.
    """

    ran: int
    running: int
    interrupted: int
    scaled_in: int
    ended_otherwise: int
    peak_running: int
    incomplete: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The headline figures."""

    range: Range
    machines: MachineCounts
    interruptions: RateGroup
    usage: UsageGroup
    spot_target: float
    savings: SavingsGroup
    prices: int
    drains: Drains
    survival_median_s: float | None
    survival_at_60_min: float | None
    largest_reclaim: Reclaim | None
    replacements: Replacements
    pools: list[str]
    types: list[str]
    zones: list[str]


@dataclass(frozen=True, kw_only=True)
class MachineRow:
    """One machine; times are in seconds since 1970, None: not happened or not known.

    `instance_hours` are those within the window. `drained_s` and `redone_s` are of interrupted machines.
    """

    instance: str
    pool: str
    instance_type: str
    zone: str
    lifecycle: str
    vcpu: int | None
    launched: float | None
    warned_at: float | None
    rebalance_at: float | None
    scale_in_at: float | None
    terminated: float | None
    ended_by: str
    instance_hours: float
    drained_s: float | None
    missed: bool
    redone_s: float | None


@dataclass(frozen=True, kw_only=True)
class MachinePage:
    """Some machines that ran in the window, latest launch first; `next` is the cursor of the next page."""

    range: Range
    total: int
    machines: list[MachineRow]
    next: str
