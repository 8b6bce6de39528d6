"""Compares the means of real runs with those of the simulator."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, fields

from tests.validation.scenario import Figures


@dataclass(frozen=True, kw_only=True)
class Means:
    """Means of several runs, in seconds and slot-seconds; `drain_s` is the mean over all drains."""

    makespan_s: float
    redone_s: float
    drain_s: float


def means(figures: Sequence[Figures]) -> Means:
    """The means of runs; at least one of them has a drain."""
    return Means(
        makespan_s=statistics.fmean(each.makespan_s for each in figures),
        redone_s=statistics.fmean(each.redone_s for each in figures),
        drain_s=statistics.fmean(seconds for each in figures for seconds in each.drains_s),
    )


def deviations(real: Sequence[Figures], simulated: Sequence[Figures]) -> dict[str, float]:
    """By name of the figure, how far the simulated mean is from the real one, relative to the real one."""
    ours, theirs = means(simulated), means(real)
    names = [field.name for field in fields(Means)]
    return {name: abs(getattr(ours, name) / getattr(theirs, name) - 1) for name in names}
