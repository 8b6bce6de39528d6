"""Searches the cheapest plan for a deadline, and the fastest one for a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from eddyline.core.errors import UsageError
from eddyline.sim.comparison.tuning import GRID_S, TOLERANCE
from eddyline.sim.recommend.candidates import Candidate
from eddyline.sim.recommend.evaluate import Evaluator, Plan, PlanFigures

SEEDS = (1, 2, 3)
DEADLINES_S = tuple(60.0 * minutes for minutes in (5, 10, 15, 30, 60, 120, 240))
"""The deadlines that are tried for a budget."""

_TUNING = (1001,)  # seeds that the figures do not use
_SHORTEST_S = 30.0  # the least target_backlog_s of a pool
_WORSE = 1.03

Report = Callable[[str], None]
"""Called with a line about what has been done."""


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """The plan that is recommended, and others that were simulated, each with the figures of fewer runs."""

    best: PlanFigures
    others: tuple[PlanFigures, ...]


class Search:
    """Searches among `candidates`, the first of which has the cheapest types."""

    def __init__(
        self, evaluator: Evaluator, candidates: Sequence[Candidate], report: Report = lambda _line: None
    ) -> None:
        self._evaluator = evaluator
        self._candidates = candidates
        self._report = report

    def cheapest(self, deadline_s: float) -> Recommendation:
        """The cheapest plan whose p99 is within the deadline; raises `UsageError` naming the fastest p99."""
        found = self._tuned(self._candidates, deadline_s)
        met = sorted((each for each in found if _meets(each, deadline_s)), key=_cost)
        for each in met:
            best = self._confirmed(each.plan)
            if _meets(best, deadline_s):
                return Recommendation(best=best, others=tuple(one for one in found if one is not each))
        fastest = min(each.p99_s.mean for each in found)
        raise UsageError(
            f"no plan meets a deadline of {deadline_s / 60:g} min: "
            f"the fastest has a p99 of {fastest / 60:.1f} min",
            remedy=f"pass a longer --deadline, such as {_longer(fastest) / 60:g}",
        )

    def fastest(self, budget_usd: float) -> Recommendation:
        """The plan with the shortest deadline that costs at most the budget in a month.

        Raises `UsageError` that names the cheapest possible cost.
        """
        longest = self._tuned(self._candidates, DEADLINES_S[-1])
        cheapest = min(longest, key=_cost)
        least = cheapest.monthly_usd.mean
        if least > budget_usd:
            raise UsageError(
                f"no plan costs at most ${budget_usd:,.2f} a month: the cheapest costs ${least:,.2f}",
                remedy="raise --budget, or lower the load",
            )
        tried = [cheapest]
        low, high = 0, len(DEADLINES_S) - 1  # at `high` a plan is within the budget
        while low < high:
            middle = (low + high) // 2
            (found,) = self._tuned([cheapest.plan.candidate], DEADLINES_S[middle])
            tried.append(found)
            if _meets(found, DEADLINES_S[middle]) and _cost(found) <= budget_usd:
                high = middle
            else:
                low = middle + 1
        for deadline_s in DEADLINES_S[high:]:
            (found,) = self._tuned([cheapest.plan.candidate], deadline_s)
            best = self._confirmed(found.plan)
            if _meets(best, deadline_s) and _cost(best) <= budget_usd:
                others = [each for each in (*tried, *longest) if each.plan != best.plan]
                return Recommendation(best=best, others=tuple({each.plan: each for each in others}.values()))
        raise UsageError(
            f"no plan costs at most ${budget_usd:,.2f} a month over several runs: "
            f"the cheapest costs about ${_cost(best):,.2f}",
            remedy="raise --budget, or lower the load",
        )

    def compared(self, candidates: Sequence[Candidate], best: PlanFigures) -> PlanFigures:
        """The cheapest of other candidates at the deadline of a plan, by a single run of each."""
        found = self._tuned(candidates, best.plan.deadline_s)
        met = [each for each in found if _meets(each, best.plan.deadline_s)]
        return min(met or found, key=_cost)

    def _confirmed(self, plan: Plan) -> PlanFigures:
        """The plan over several seeds; while its p99 misses the deadline, with shorter target times."""
        grid = [each for each in GRID_S if _SHORTEST_S <= each <= plan.backlog_s]
        for backlog_s in reversed(grid[-3:]):
            found = self._evaluator.figures(Plan(plan.candidate, plan.deadline_s, backlog_s), SEEDS)
            if _meets(found, plan.deadline_s):
                break
        return found

    def _tuned(self, candidates: Sequence[Candidate], deadline_s: float) -> list[PlanFigures]:
        """Each candidate with the longest target time that meets the deadline.

        One that is clearly dearer than the best at the target time of the best is not tuned further.
        """
        found: list[PlanFigures] = []
        for each in candidates:
            best = min((one for one in found if _meets(one, deadline_s)), key=_cost, default=None)
            if best is not None:
                first = self._evaluator.figures(Plan(each, deadline_s, best.plan.backlog_s), _TUNING)
                if _cost(first) > _cost(best) * _WORSE:
                    found.append(first)
                    continue
            found.append(self._tune(each, deadline_s))
            self._report(f"{each.pool.name}, {len(each.types)} types, deadline {deadline_s / 60:g} min")
        return found

    def _tune(self, candidate: Candidate, deadline_s: float) -> PlanFigures:
        grid = [each for each in GRID_S if _SHORTEST_S <= each <= 2 * deadline_s]

        def at(place: int) -> PlanFigures:
            return self._evaluator.figures(Plan(candidate, deadline_s, grid[place]), _TUNING)

        low, high = 0, len(grid)  # `low` is within the deadline, or nothing is; `high` is not
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _meets(at(middle), deadline_s) else (low, middle)
        return at(low)


def _meets(found: PlanFigures, deadline_s: float) -> bool:
    return found.p99_s.mean <= deadline_s * TOLERANCE


def _cost(found: PlanFigures) -> float:
    return found.monthly_usd.mean


def _longer(fastest_s: float) -> float:
    """The first of the usual deadlines beyond a p99, or twice the p99 in whole minutes."""
    steps = pairwise((0.0, *DEADLINES_S))
    return next((after for _, after in steps if after >= fastest_s), 120.0 * (fastest_s // 60 + 1))
