"""The scaler: how much capacity to launch, where, and how much to drain."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from eddyline.fleet.scaler.arrival_rate import ArrivalRate
from eddyline.fleet.scaler.fallback import Backlog, on_demand_power
from eddyline.fleet.scaler.pool_choice import launch_order
from eddyline.fleet.scaler.rules import PoolReading, ScalerRules, WorkReading

_RELEASE_ABOVE = 1.1
_SATISFIED = 0.95


@dataclass(slots=True, kw_only=True)
class ScalerDecision:
    """What to do now; all capacities are in reference slots.

    `wanted` is the capacity that follows the work. Launch `launch_spot` in the pools of `spot_order`, and
    `launch_on_demand` in those of `on_demand_order`; drain `drain_spot` and `drain_on_demand`.
    """

    wanted: float
    launch_spot: float = 0.0
    launch_on_demand: float = 0.0
    drain_spot: float = 0.0
    drain_on_demand: float = 0.0
    spot_order: list[int] = field(default_factory=list)
    on_demand_order: list[int] = field(default_factory=list)


class Scaler:
    """Decides from the readings of work and pools; it remembers the rate of arrivals and a lack of Spot."""

    def __init__(self, rules: ScalerRules) -> None:
        self.rules = rules
        self._arrival = ArrivalRate(rules.arrival_s)
        self._asked: tuple[float, float] | None = None  # the time and the Spot capacity of the last decision
        self._missing_since: float | None = None
        self._needs: deque[tuple[float, float]] = deque()

    def decide(self, work: WorkReading, pools: Sequence[PoolReading]) -> ScalerDecision:
        """The decision at `work.now`."""
        rules = self.rules
        arrival = self._arrival.add(work.arrived, work.seconds)
        wanted = wanted_power(arrival, work.waiting, rules)
        decision = ScalerDecision(wanted=wanted)
        spot_ready = sum(pool.ready * pool.power for pool in pools if pool.spot)
        spot_booting = sum(pool.booting * pool.power for pool in pools if pool.spot)
        on_demand = sum((pool.ready + pool.booting) * pool.power for pool in pools if not pool.spot)
        keep = wanted * (1 + rules.surplus)
        needed = wanted
        if any(pool.spot for pool in pools):
            spot = spot_ready + spot_booting
            self._note_missing(work.now, spot, wanted)
            decision.launch_spot = max(wanted - spot, 0.0)
            decision.drain_spot = max(spot - keep, 0.0)
            needed = on_demand_power(
                Backlog(
                    arrival=arrival,
                    waiting=work.waiting,
                    oldest_s=work.oldest_s,
                    spot_ready=spot_ready,
                    spot_booting=spot_booting,
                    on_demand=on_demand,
                    missing_s=0.0 if self._missing_since is None else work.now - self._missing_since,
                ),
                rules,
            )
            is_back = spot_ready >= arrival
            keep = _RELEASE_ABOVE * (needed if is_back else self._recent_need(work.now, needed))
        decision.launch_on_demand = max(needed - on_demand, 0.0)
        decision.drain_on_demand = max(on_demand - keep, 0.0)
        if decision.launch_spot:
            decision.spot_order = launch_order(wanted, pools, rules, spot=True)
        if decision.launch_on_demand:
            decision.on_demand_order = launch_order(wanted, pools, rules, spot=False)
        return decision

    def _recent_need(self, now: float, needed: float) -> float:
        """The most On-Demand that was needed in the last `boot_s`: a new launch pays for another boot."""
        self._needs.append((now, needed))
        while self._needs[0][0] < now - self.rules.boot_s:
            self._needs.popleft()
        return max(each for _, each in self._needs)

    def _note_missing(self, now: float, spot: float, wanted: float) -> None:
        """Spot lacks capacity since a decision whose capacity has not been launched by the next one."""
        if self._asked is not None:
            at, asked = self._asked
            if spot >= _SATISFIED * min(asked, wanted):
                self._missing_since = None
            elif self._missing_since is None:
                self._missing_since = at
        self._asked = now, wanted


def wanted_power(arrival: float, waiting: float, rules: ScalerRules) -> float:
    """The reference slots that follow `arrival` and do the `waiting` work within the target time."""
    return rules.base * arrival + waiting / rules.backlog_s
