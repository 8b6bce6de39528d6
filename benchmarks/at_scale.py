"""Simulates a day of 1, 10 and 100 times 10 million clips a month, for docs/explanation/scaling.md.

`python -m benchmarks.at_scale` prints a row for each; it takes some minutes, most of it for 100 times. The
rate follows a daily curve whose peak is twice its mean. Figures are without the first hour, in which the
fleet starts from nothing. The scaler chooses among four sizes of three families in three zones, 2,000
instances in each pool, interrupted 20 times as often as the Spot advisor says, with waves.
"""

from __future__ import annotations

import sys
from collections import deque
from itertools import pairwise

from benchmarks.simulated_month import CLIPS, DEFAULT, MONTH_DAYS, month_workload, offer
from eddyline.fleet.scaler.rules import ScalerRules
from eddyline.sim.engine.aggregate import AggregateEngine
from eddyline.sim.engine.control import FleetControl
from eddyline.sim.market.generate import generate
from eddyline.sim.market.generated_spec import GeneratedMarket
from eddyline.sim.policies.scaler_policy import ScalerPolicy
from eddyline.sim.types import builtin_types
from eddyline.sim.workload.arrivals import iter_batches

SCALES = (1, 10, 100)
_TYPES = tuple(
    f"{family}.{size}"
    for family in ("c8g", "c7g", "c7a")
    for size in ("2xlarge", "4xlarge", "8xlarge", "16xlarge")
)
_END_S = 86_400.0
_START_S = 3600.0
_TEN_MINUTES_S = 600.0


class _WatchedFleet:
    """Passes on what a policy does with a fleet, and counts it."""

    def __init__(self, fleet: FleetControl) -> None:
        self._fleet = fleet
        self.offers, self.work, self.pools, self.drain = fleet.offers, fleet.work, fleet.pools, fleet.drain
        self.launched = 0

    def launch(self, pool: int, count: int) -> int:
        launched = self._fleet.launch(pool, count)
        self.launched += launched
        return launched


class WatchingPolicy(ScalerPolicy):
    """The scaler; notes the most instances, and the most launches at a tick and in ten minutes."""

    instances = 0
    launches_a_tick = 0
    launches_in_ten_minutes = 0

    def __init__(self, rules: ScalerRules) -> None:
        super().__init__(rules)
        self._recent: deque[int] = deque(maxlen=round(_TEN_MINUTES_S / self.every_s))

    def tick(self, fleet: FleetControl, now: float) -> None:
        """As the scaler."""
        watched = _WatchedFleet(fleet)
        super().tick(watched, now)
        if now < _START_S:
            return
        self._recent.append(watched.launched)
        self.instances = max(self.instances, sum(each.booting + each.ready for each in fleet.pools()))
        self.launches_a_tick = max(self.launches_a_tick, watched.launched)
        self.launches_in_ten_minutes = max(self.launches_in_ten_minutes, sum(self._recent))


def simulated_day(scale: float) -> dict[str, float]:
    """The figures of a day with `scale` times 10 million clips a month."""
    clips = scale * CLIPS / MONTH_DAYS
    workload = month_workload(DEFAULT, clips=clips, days=1.0).model_copy(update={"shape": "daily"})
    spec = GeneratedMarket(preset="choppy", types=_TYPES, zones=3, units=2000)
    market = generate(spec, types=builtin_types(), seed=1, end_s=_END_S)
    offers = [*(offer(each.type, each.name, each.zone) for each in market.pools)]
    offers.append(offer("c8g.4xlarge", "on-demand", ""))
    policy = WatchingPolicy(ScalerRules())
    found = AggregateEngine(
        offers,
        {each.name: each for each in market.pools},
        iter_batches(workload, seed=1, end_s=_END_S),
        policy,
        end_s=_END_S,
        seed=1,
    ).run()
    job_s = found.totals.done / found.totals.jobs
    samples = [each for each in found.samples if each.at >= _START_S]
    ends = [each.interruptions for each in found.samples]
    return {
        "scale": scale,
        "jobs_per_s": round(found.totals.jobs / _END_S, 1),
        "jobs_per_s_peak": round(max(each.busy for each in samples) / job_s, 1),
        "busy_slots_peak": round(max(each.busy for each in samples)),
        "waiting_jobs_peak": round(max(each.waiting for each in samples) / job_s),
        "instances_peak": policy.instances,
        "launches_a_tick": policy.launches_a_tick,
        "launches_in_ten_minutes": policy.launches_in_ten_minutes,
        "launches": found.totals.launches,
        "interruptions_in_a_minute": max(after - before for before, after in pairwise(ends)),
        "usd_a_day": round(found.totals.cost_usd),
        "p99_s": round(found.p99_s),
        "spot_share": round(found.spot_share, 4),
        "wall_s": round(found.wall_s, 1),
    }


if __name__ == "__main__":
    for each in [float(argument) for argument in sys.argv[1:]] or SCALES:
        print(simulated_day(each), flush=True)
