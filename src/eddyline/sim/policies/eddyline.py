"""Eddyline's own scaler as a policy: the production deciders, fed with the simulated counts."""

from __future__ import annotations

from eddyline.fleet.scaler.arrival_rate import ArrivalRate
from eddyline.fleet.scaler.pool_choice import work_price
from eddyline.fleet.scaler.rules import PoolReading, ScalerRules, WorkReading
from eddyline.fleet.scaler.scale_in import Candidate, choose_victims
from eddyline.fleet.scaler.scaler import decide
from eddyline.sim.engine.exact import ExactEngine


class EddylinePolicy:
    def __init__(self, rules: ScalerRules, *, every_s: float = 30.0) -> None:
        self.rules = rules
        self.every_s = every_s
        self._rate = ArrivalRate(rules.arrival_s)
        self._missing: float | None = None

    def tick(self, engine: ExactEngine, now: float) -> None:
        rules = self.rules
        work = WorkReading(
            now=now,
            arrival=self._rate.add(engine.arrived_recent, self.every_s if now else 0.0) if now < engine.end_s else 0.0,
            waiting=engine.queue.waiting_work,
            oldest_s=now - (engine.queue.oldest_ready() or now) if len(engine.queue) else 0.0,
            busy=0.0,
        )
        engine.arrived_recent = 0.0
        pools = [
            PoolReading(
                usd_h=pool.offer.usd_h,
                power=pool.offer.power,
                spot=pool.offer.spot,
                booting=pool.booting,
                ready=pool.ready,
                failed_at=pool.failed_at,
                interrupted=pool.interrupted,
                hours=(pool.seconds + sum(now - each.launched for each in pool.alive)) / 3600,
            )
            for pool in engine.pools
        ]
        decision = decide(work, pools, self._missing, rules)
        left = decision.spot
        for number, _ in decision.spot_order:
            pool = engine.pools[number]
            count = int(left / pool.offer.power + 0.5)
            if count <= 0:
                break
            left -= engine.launch(pool, count) * pool.offer.power
        if decision.spot_order and left > 0.5 * min(pools[n].power for n, _ in decision.spot_order):
            if self._missing is None:
                self._missing = now
        elif decision.spot <= 0 or left <= 0.05 * decision.wanted:
            self._missing = None
        left = decision.on_demand
        for number, _ in decision.on_demand_order:
            pool = engine.pools[number]
            count = int(left / pool.offer.power + 0.5)
            if count <= 0:
                break
            left -= engine.launch(pool, count) * pool.offer.power
        self._drain(engine, decision.drain_on_demand, spot=False)
        self._drain(engine, decision.drain_spot, spot=True)

    def _drain(self, engine, power, *, spot) -> None:
        if power <= 0:
            return
        found = [
            each
            for pool in engine.pools
            if pool.offer.spot is spot
            for each in pool.alive
            if not each.draining and each.stop_by is None
        ]
        prices = {}
        candidates = [
            Candidate(
                power=each.offer.power,
                busy=1 - each.free / each.slots if each.ready else 0.0,
                price=each.offer.usd_h / each.offer.power,
                spot=spot,
                booting=not each.ready,
            )
            for each in found
        ]
        for place in choose_victims(candidates, power):
            engine.drain(found[place])
