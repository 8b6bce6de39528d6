"""The scenario of the simulator's benchmarks: 10 million clips in a month, in a generated market.

The curve is weekly, with the default waves. The lengths of clips are lognormal; by default with a median of
90 s and a mean of 164 s. `SHORT` clips have a median of 24 s and a mean of 44 s: an assumption about what
action cameras record, not a published figure.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from eddyline.fleet.scaler.rules import ScalerRules
from eddyline.sim.engine.aggregate import AggregateEngine
from eddyline.sim.engine.control import FleetControl
from eddyline.sim.engine.exact import ExactEngine
from eddyline.sim.engine.instance import Offer
from eddyline.sim.engine.result import RunResult
from eddyline.sim.market.generate import generate
from eddyline.sim.market.generated_spec import GeneratedMarket
from eddyline.sim.policies.scaler_policy import ScalerPolicy
from eddyline.sim.types import builtin_types
from eddyline.sim.workload.arrivals import iter_arrivals, iter_batches
from eddyline.sim.workload.encode_speed import (
    REFERENCE_ENCODE_FPS,
    REFERENCE_FPS_PER_VCPU,
    REFERENCE_SLOT_VCPU,
)
from eddyline.sim.workload.generated import mean_minutes
from eddyline.sim.workload.workload import Sizes, Workload

CLIPS = 10e6
MONTH_DAYS = 30.0
DEFAULT = Sizes()
SHORT = Sizes(median_minutes=0.4)
_DAY_S = 86_400.0
_COUNT_S = 600.0
_LOAD = 0.5
_SPOT = ("c8g.xlarge", "c8g.2xlarge", "c7a.2xlarge", "c7g.4xlarge")
_ON_DEMAND = "c8g.xlarge"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a run took, and what it found. `wall_s` and `cpu_s` include the generation of the arrivals."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    events: int
    jobs: int
    assets: int
    launches: int
    most_instances: int
    cost_usd: float
    p99_s: float


class _CountingPolicy(ScalerPolicy):
    """The scaler; it also notes the most instances at a time, of those that it sees each ten minutes."""

    most_instances = 0

    def tick(self, fleet: FleetControl, now: float) -> None:
        super().tick(fleet, now)
        if now % _COUNT_S:
            return
        count = sum(pool.booting + pool.ready for pool in fleet.pools())
        self.most_instances = max(self.most_instances, count)


def month_workload(sizes: Sizes, *, clips: float, days: float, encode_factor: float = 1.0) -> Workload:
    """So many clips in so many days. `encode_factor`: encoding takes so many times as long as by default."""
    speed = REFERENCE_ENCODE_FPS / encode_factor
    work = mean_minutes(sizes) * 60 * Workload().frames_per_second / speed
    slots = clips * work / (days * _DAY_S)
    return Workload(slots=slots / _LOAD, load=_LOAD, shape="weekly", sizes=sizes, encode_speed=speed)


def simulate(workload: Workload, *, days: float, exact: bool) -> tuple[RunResult, int]:
    """Run a workload with the scaler of Eddyline on Spot pools of four types in three zones.

    Returns the most instances at a time, too.
    """
    end_s = days * _DAY_S
    spec = GeneratedMarket(preset="choppy", types=_SPOT, zones=3, units=100_000)
    market = generate(spec, types=builtin_types(), seed=1, end_s=end_s)
    offers = [
        *(offer(pool.type, pool.name, pool.zone) for pool in market.pools),
        offer(_ON_DEMAND, "on-demand", ""),
    ]
    pools = {pool.name: pool for pool in market.pools}
    policy = _CountingPolicy(ScalerRules())
    if exact:
        arrivals = iter_arrivals(workload, seed=1, end_s=end_s)
        found = ExactEngine(offers, pools, arrivals, policy, end_s=end_s, seed=1).run()
        return found, policy.most_instances
    batches = iter_batches(workload, seed=1, end_s=end_s)
    found = AggregateEngine(offers, pools, batches, policy, end_s=end_s, seed=1).run()
    return found, policy.most_instances


def offer(type_name: str, name: str, zone: str) -> Offer:
    """An offer of a type of the packaged table: On-Demand without a zone."""
    figures = builtin_types()[type_name]
    assert figures.fps_per_vcpu is not None
    return Offer(
        name=name,
        type=type_name,
        zone=zone,
        spot=bool(zone),
        vcpu=figures.vcpu,
        slots=figures.vcpu // REFERENCE_SLOT_VCPU,
        speed=figures.fps_per_vcpu / REFERENCE_FPS_PER_VCPU,
        usd_h=figures.spot_usd_h if zone else figures.on_demand_usd_h,
        own_usd_h=figures.on_demand_usd_h,
    )


def measured(
    median_minutes: float, *, exact: bool, days: float = MONTH_DAYS, encode_factor: float = 1.0
) -> Figures:
    """Run a part of the month, or all of it, in a further process, whose memory is measured."""
    arguments = [str(median_minutes), str(int(exact)), str(days), str(encode_factor)]
    command = [sys.executable, "-m", "benchmarks.simulated_month", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Figures(**json.loads(done.stdout))


def _main(arguments: Sequence[str]) -> None:
    median, exact, days, factor = (float(each) for each in arguments)
    clips = CLIPS * days / MONTH_DAYS
    workload = month_workload(Sizes(median_minutes=median), clips=clips, days=days, encode_factor=factor)
    begun, cpu = time.perf_counter(), time.process_time()
    found, most_instances = simulate(workload, days=days, exact=bool(exact))
    figures = Figures(
        wall_s=time.perf_counter() - begun,
        cpu_s=time.process_time() - cpu,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        events=found.totals.events,
        jobs=found.totals.jobs,
        assets=len(found.ready_s),
        launches=found.totals.launches,
        most_instances=most_instances,
        cost_usd=found.totals.cost_usd,
        p99_s=found.p99_s,
    )
    print(json.dumps(asdict(figures)))


if __name__ == "__main__":
    _main(sys.argv[1:])
