"""Instances in counts: those of one launch, those that the market reclaims together, those of an offer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from eddyline.sim.engine.instance import Offer


@dataclass(eq=False, slots=True, kw_only=True)
class Cohort:
    """The instances of one launch. Times are in seconds.

    `count` of them hold capacity and are not drained. `lifetimes` are still to end by the market's hazard: of
    these, those of `count` instances end one, and the others would have.
    """

    pool: CohortPool
    launched: float
    count: int
    lifetimes: int
    ready: bool = False
    reclaimed: list[Reclaimed] = field(default_factory=list)


@dataclass(eq=False, slots=True, kw_only=True)
class Reclaimed:
    """Instances of a cohort that the market takes back at `end`.

    `noticed`: their workers know it since `noticed_at`; jobs must end by `stop_by`. `takes_jobs`: their slots
    are counted. `is_over`: they have ended.
    """

    cohort: Cohort
    count: int
    end: float
    stop_by: float = 0.0
    noticed_at: float = 0.0
    noticed: bool = False
    is_over: bool = False
    takes_jobs: bool = False


@dataclass(eq=False, slots=True, kw_only=True)
class CohortPool:
    """The instances of an offer.

    `held` instances hold capacity of the market, `draining` of them are drained. The scaler counts on the
    `booting` and the `ready` ones. `interrupted` in `ended_s` seconds of ended instances is its
    history.
    """

    index: int
    offer: Offer
    cohorts: list[Cohort] = field(default_factory=list)
    held: int = 0
    draining: int = 0
    booting: int = 0
    ready: int = 0
    launched_at_sum: float = 0.0
    interrupted: int = 0
    ended_s: float = 0.0

    def hold(self, cohort: Cohort) -> None:
        """Let the instances of a cohort hold capacity."""
        self.cohorts.append(cohort)
        self.held += cohort.count
        self.launched_at_sum += cohort.count * cohort.launched

    def let_go(self, count: int, launched: float) -> None:
        """Let instances hold capacity no more."""
        self.held -= count
        self.launched_at_sum -= count * launched

    def pick(self, count: int, rng: np.random.Generator) -> list[tuple[Cohort, int]]:
        """Random instances that are not drained, removed from their cohorts: at most `count`."""
        own = [each for each in self.cohorts if each.count]
        counts = np.array([each.count for each in own], dtype=np.int64)
        picked = counts if count >= counts.sum() else rng.multivariate_hypergeometric(counts, count)
        return self._remove(zip(own, picked.tolist(), strict=True))

    def pick_cohorts(self, count: int, rng: np.random.Generator, *, ready: bool) -> list[tuple[Cohort, int]]:
        """At most `count` instances that are ready, or boot, of as few random cohorts as have so many.

        They are removed from their cohorts.
        """
        own = [each for each in self.cohorts if each.count and each.ready is ready]
        found = []
        for place in rng.permutation(len(own)).tolist():
            if not count:
                break
            number = min(own[place].count, count)
            count -= number
            found.append((own[place], number))
        return self._remove(found)

    def _remove(self, picked: Iterable[tuple[Cohort, int]]) -> list[tuple[Cohort, int]]:
        found = [(each, number) for each, number in picked if number]
        for each, number in found:
            each.count -= number
        self.forget_empty()
        return found

    def forget_empty(self) -> None:
        """Forget the cohorts without instances."""
        self.cohorts = [each for each in self.cohorts if each.count]

    def hours(self, now: float) -> float:
        """The instance-hours of its history."""
        return (self.ended_s + self.held * now - self.launched_at_sum) / 3600
