"""Eddyline's scaler as a policy: the production deciders, on the counts of a simulated fleet."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.fleet.scaler.rules import PoolReading, ScalerRules
from eddyline.fleet.scaler.scaler import Scaler
from eddyline.sim.engine.control import FleetControl

_FILLED = 0.7


class ScalerPolicy:
    """Decides every `every_s` seconds."""

    def __init__(self, rules: ScalerRules, *, every_s: float = 30.0) -> None:
        self.every_s = every_s
        self._scaler = Scaler(rules)

    def tick(self, fleet: FleetControl, now: float) -> None:  # noqa: ARG002 - the protocol
        """Launch and drain what the scaler decides."""
        work, pools = fleet.work(), fleet.pools()
        decision = self._scaler.decide(work, pools)
        has_any = any(pool.ready or pool.booting for pool in pools)
        launch_in_order(fleet, pools, decision.spot_order, decision.launch_spot, at_least_one=not has_any)
        launch_in_order(
            fleet, pools, decision.on_demand_order, decision.launch_on_demand, at_least_one=not has_any
        )
        if decision.drain_on_demand:
            fleet.drain(decision.drain_on_demand, spot=False)
        if decision.drain_spot:
            fleet.drain(decision.drain_spot, spot=True)


def launch_in_order(
    fleet: FleetControl,
    pools: Sequence[PoolReading],
    order: Sequence[int],
    power: float,
    *,
    at_least_one: bool = False,
) -> float:
    """Launch instances of about `power` reference slots in the pools of `order`; returns what is missing.

    Of an instance at least `_FILLED` must be missing, so that smaller ones fill up what large ones leave;
    of the smallest, half. A fleet without any gets one.
    """
    left = power
    smallest = min((pools[number].power for number in order), default=0.0)
    for number in order:
        each = pools[number].power
        filled = _FILLED if each > smallest else 0.5
        count = max(int(left / each + 1 - filled), int(at_least_one and left > 0))
        if count:
            launched = fleet.launch(number, count)
            left -= launched * each
            at_least_one = at_least_one and not launched
    return max(left, 0.0)
