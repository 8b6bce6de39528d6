"""What the instances of a run cost."""

from __future__ import annotations

from eddyline.sim.engine.instance import SimInstance
from eddyline.sim.engine.result import Life, Totals

MIN_BILLED_S = 60.0
FREE_S = 3600.0
"""AWS bills at least a minute of an instance, and nothing of one that it interrupts within its first hour."""

_HOUR_S = 3600.0
MAX_LIVES = 200_000


class Billing:
    """Adds the costs of ended instances to the totals; knows which ones run."""

    def __init__(self, totals: Totals, *, boot_s: float) -> None:
        self._totals = totals
        self._boot_s = boot_s
        self._running: dict[SimInstance, None] = {}
        self.lives: list[Life] = []

    def begin(self, instance: SimInstance) -> None:
        """An instance was launched."""
        self._running[instance] = None

    def end(self, instance: SimInstance, now: float, *, interrupted: bool) -> None:
        """An instance has ended, or the run has."""
        instance.dead = True
        del self._running[instance]
        offer, totals = instance.offer, self._totals
        seconds = now - instance.launched
        paid_h = max(seconds, MIN_BILLED_S) / _HOUR_S
        cost = paid_h * offer.usd_h
        totals.cost_usd += cost
        totals.own_usd += paid_h * offer.own_usd_h
        totals.boot_usd += min(self._boot_s, seconds) / _HOUR_S * offer.usd_h
        if not (interrupted and seconds < FREE_S):
            totals.billed_usd += cost
        instance.pool.ended_s += seconds
        if offer.spot:
            totals.spot_usd += cost
            if len(self.lives) < MAX_LIVES:
                self.lives.append(Life(seconds, interrupted))

    def paid_usd(self, now: float) -> float:
        """What was paid until now, running instances included."""
        running = sum((now - each.launched) * each.offer.usd_h for each in self._running)
        return self._totals.cost_usd + running / _HOUR_S

    def close(self, now: float) -> None:
        """End the instances that still run at the end of a run."""
        for instance in list(self._running):
            self.end(instance, now, interrupted=False)
