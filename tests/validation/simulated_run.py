"""Runs a scenario in the exact engine, on machines that lived as they did in a real run."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from tests.validation.scenario import DRAIN_RULES, LEASE_S, NOTICE_S, SCALE, Figures, PastLife, Scenario

from eddyline.sim.engine.control import FleetControl
from eddyline.sim.engine.exact import ExactEngine
from eddyline.sim.engine.fleet import FleetRules
from eddyline.sim.engine.instance import Offer
from eddyline.sim.market.market import MarketPool, NoticeModel
from eddyline.sim.workload.asset_arrival import AssetArrival

SEEDS = 20
_END_S = 10.0  # a run ends later, with its last job
_OVERHEAD_S = 0.03
_POOL = "spot"
_DEFAULT = FleetRules()
_DEFAULT_LEASE_S = 30.0  # of `eddyline worker`


class _LaunchOnNewNodes:
    """Launches an instance on each node as soon as it is there."""

    every_s = 0.002

    def tick(self, fleet: FleetControl, now: float) -> None:  # noqa: ARG002 - the protocol
        while fleet.launch(0, 1):
            pass


@dataclass(frozen=True, kw_only=True)
class _PlannedNotices(NoticeModel):
    """The notices of the real machines, in the order in which the engine asks for them."""

    leads_s: list[float]

    def lead(self, rng: random.Random) -> float:  # noqa: ARG002 - nothing is random
        return self.leads_s.pop(0)


def simulate(scenario: Scenario, machines: Sequence[PastLife], *, seed: int) -> Figures:
    """The figures of one simulated run, whose workers take jobs from when the real ones were ready.

    By the seed, each job takes up to `_OVERHEAD_S` longer, as a claim and a settlement do: the course of a
    run depends on such differences, because they decide which of two machines takes a job.
    """
    rng = random.Random(f"validation/{seed}")
    chunks = tuple(seconds + rng.uniform(0.0, _OVERHEAD_S) for seconds in scenario.jobs)
    # The engine asks `NOTICE_S` before the end, or at the launch of an instance that does not live as long.
    leads_s = [
        0.0 if each.notice is None else ends - each.notice
        for _, ends, each in sorted(
            ((max(each.ends - NOTICE_S, each.ready), each.ends, each) for each in machines if each.ends),
            key=itemgetter(0),
        )
    ]
    market = MarketPool(
        name=_POOL,
        type="any",
        zone="a",
        units=len(machines),
        nodes=tuple((each.ready, each.ends) for each in machines),
    )
    offer = Offer(
        name=_POOL,
        type="any",
        zone="a",
        spot=True,
        vcpu=scenario.slots,
        slots=scenario.slots,
        speed=1.0,
        usd_h=1.0,
        own_usd_h=1.0,
    )
    asset = AssetArrival(at=0.0, owner="", codec="h264", priority=0, chunks=chunks)
    result = ExactEngine(
        [offer],
        {_POOL: market},
        [asset],
        _LaunchOnNewNodes(),
        end_s=_END_S,
        seed=seed,
        rules=FleetRules(
            boot_s=0.0,
            notice=_PlannedNotices(lead_s=NOTICE_S, leads_s=leads_s),
            drain=DRAIN_RULES,
            notice_delay_s=_DEFAULT.notice_delay_s / SCALE,
            lost_after_s=_DEFAULT.lost_after_s / _DEFAULT_LEASE_S * LEASE_S,
            exit_s=_DEFAULT.exit_s / SCALE,
        ),
    ).run()
    totals = result.totals
    return Figures(
        makespan_s=float(result.ready_s[-1]),
        redone_s=totals.redone,
        drains_s=tuple(result.drains_s),
        handed_back=totals.handed_back,
        lost=totals.lost,
        done=totals.jobs_done,
    )
