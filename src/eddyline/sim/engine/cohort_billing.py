"""What instances in counts cost; the same rules as `billing` has for single instances."""

from __future__ import annotations

from eddyline.sim.engine.billing import FREE_S, MAX_LIVES, MIN_BILLED_S
from eddyline.sim.engine.cohort import CohortPool
from eddyline.sim.engine.result import Life, Totals

_HOUR_S = 3600.0


class CohortBilling:
    """Adds the costs of ended instances to the totals, and knows what the running ones have cost."""

    def __init__(self, totals: Totals, *, boot_s: float) -> None:
        self._totals = totals
        self._boot_s = boot_s
        self._usd_h = 0.0  # of all running instances together
        self._usd = 0.0  # the sum of their price a second times their launch
        self.lives: list[Life] = []

    def begin(self, pool: CohortPool, count: int, launched: float) -> None:
        """Instances were launched."""
        self._count(pool, count, launched)

    def end(self, pool: CohortPool, count: int, launched: float, now: float, *, interrupted: bool) -> None:
        """Instances have ended, or the run has."""
        self._count(pool, -count, launched)
        offer, totals = pool.offer, self._totals
        seconds = now - launched
        paid_h = count * max(seconds, MIN_BILLED_S) / _HOUR_S
        cost = paid_h * offer.usd_h
        totals.cost_usd += cost
        totals.own_usd += paid_h * offer.own_usd_h
        totals.boot_usd += count * min(self._boot_s, seconds) / _HOUR_S * offer.usd_h
        if not (interrupted and seconds < FREE_S):
            totals.billed_usd += cost
        pool.ended_s += count * seconds
        if offer.spot:
            totals.spot_usd += cost
            self.lives += [Life(seconds, interrupted)] * min(count, MAX_LIVES - len(self.lives))

    def paid_usd(self, now: float) -> float:
        """What was paid until now, running instances included."""
        return self._totals.cost_usd + (self._usd_h * now - self._usd) / _HOUR_S

    def _count(self, pool: CohortPool, count: int, launched: float) -> None:
        usd_h = count * pool.offer.usd_h
        self._usd_h += usd_h
        self._usd += usd_h * launched
