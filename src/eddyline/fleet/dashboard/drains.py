"""From the notice of an interruption to the last job that left the machine, and the work that was redone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eddyline.fleet.dashboard.quantiles import Quantiles, quantiles_of
from eddyline.graph.ledger.fleet.interrupted_work import InterruptedWork


@dataclass(frozen=True, kw_only=True, slots=True)
class Interruption:
    """One interrupted instance; `warned` is NaN without a notice, `work` is None if nothing ran on it."""

    pool: str
    type: str
    zone: str
    warned: float
    terminated: float
    work: InterruptedWork | None

    @property
    def drained_s(self) -> float | None:
        """Seconds from the notice until the last job had ended; None if idle, not warned, or missed."""
        if self.work is None or math.isnan(self.warned) or self.missed:
            return None
        return max(self.work.drained - self.warned, 0.0)

    @property
    def missed(self) -> bool:
        """Whether a job was lost: its worker did not hand it back before the machine ended."""
        return self.work is not None and self.work.lost > 0


@dataclass(frozen=True, kw_only=True)
class Drains:
    """The interruptions of one group (`key`), and how their machines were drained.

    `drained_s` are the seconds from the notice until the last job had ended, of the machines that ran jobs
    and lost none. `missed` machines lost a job: `missed_share` of those with jobs. `without_notice` (some of
    them missed) were not warned, and `idle` ones ran no job. Of the redone starts, workers did not report the
    CPU seconds of `redone_unmeasured`.
    """

    key: str
    interruptions: int
    drained_s: Quantiles
    missed: int
    missed_share: float | None
    without_notice: int
    idle: int
    redone_starts: int
    redone_s: float
    redone_cpu_s: float
    redone_unmeasured: int
    redone_s_per_interruption: float | None


BUCKETS_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0)
"""The upper bounds of the histogram of seconds from notice to drained; one more bucket is above."""


def drains_of(key: str, interruptions: Sequence[Interruption]) -> Drains:
    """The sums over interruptions."""
    drained = [each.drained_s for each in interruptions]
    work = [each.work for each in interruptions if each.work is not None]
    missed = sum(each.missed for each in interruptions)
    redone_s = math.fsum(each.redone_s for each in work)
    return Drains(
        key=key,
        interruptions=len(interruptions),
        drained_s=quantiles_of(np.array([each for each in drained if each is not None], np.float64)),
        missed=missed,
        missed_share=missed / len(work) if work else None,
        without_notice=sum(math.isnan(each.warned) for each in interruptions),
        idle=len(interruptions) - len(work),
        redone_starts=sum(each.redone for each in work),
        redone_s=redone_s,
        redone_cpu_s=math.fsum(each.redone_cpu_s for each in work),
        redone_unmeasured=sum(each.unmeasured for each in work),
        redone_s_per_interruption=redone_s / len(interruptions) if interruptions else None,
    )


def grouped_drains(
    interruptions: Iterable[Interruption], group_of: Callable[[Interruption], str]
) -> list[Drains]:
    """The sums by group, most interruptions first."""
    groups: dict[str, list[Interruption]] = {}
    for each in interruptions:
        groups.setdefault(group_of(each), []).append(each)
    found = [drains_of(key, members) for key, members in groups.items()]
    return sorted(found, key=lambda each: (-each.interruptions, each.key))


def histogram(interruptions: Iterable[Interruption]) -> Mapping[float, int]:
    """How many machines were drained within each bound of `BUCKETS_S` but not the one before; inf: later."""
    counts = dict.fromkeys((*BUCKETS_S, math.inf), 0)
    for each in interruptions:
        if each.drained_s is not None:
            counts[next((bound for bound in BUCKETS_S if each.drained_s <= bound), math.inf)] += 1
    return counts
