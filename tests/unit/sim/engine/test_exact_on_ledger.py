"""The exact engine on the production ledger: the same course, no job lost and none done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.fleet.scaler.rules import ScalerRules
from eddyline.sim.engine.exact import ExactEngine
from eddyline.sim.engine.fleet import FleetRules
from eddyline.sim.engine.instance import Offer
from eddyline.sim.engine.result import RunResult
from eddyline.sim.job_queue import JobQueue
from eddyline.sim.ledger_queue import LedgerQueue
from eddyline.sim.market.market import MarketPool, NoticeModel
from eddyline.sim.policies.scaler_policy import ScalerPolicy
from eddyline.sim.queue import SimQueue
from eddyline.sim.workload.arrivals import arrivals
from eddyline.sim.workload.workload import Owners, Workload

SPOT = Offer(
    name="spot", type="t", zone="a", spot=True, vcpu=8, slots=4, speed=1.0, usd_h=0.12, own_usd_h=0.36
)
ON_DEMAND = Offer(
    name="od", type="t", zone="", spot=False, vcpu=8, slots=4, speed=1.0, usd_h=0.36, own_usd_h=0.36
)
END_S = 1800.0


def _run(queue: JobQueue, rules: FleetRules, deadline_s: float | None) -> RunResult:
    # Again and again most of the capacity is taken away for some minutes.
    capacity = tuple((150.0 * number, 1 if number % 2 else 15) for number in range(13))
    pool = MarketPool(name="spot", type="t", zone="a", units=15, capacity=capacity)
    engine = ExactEngine(
        [SPOT, ON_DEMAND],
        {"spot": pool},
        arrivals(Workload(slots=40, load=0.5, owners=Owners(count=3)), seed=5, end_s=END_S),
        ScalerPolicy(ScalerRules()),
        end_s=END_S,
        seed=5,
        rules=rules,
        deadline_s=deadline_s,
        queue=queue,
    )
    return engine.run()


@pytest.mark.parametrize(
    ("rules", "deadline_s"),
    [
        (FleetRules(boot_s=20.0), None),
        (FleetRules(boot_s=20.0), 300.0),
        (FleetRules(drains=False, boot_s=20.0), None),
        (FleetRules(boot_s=20.0, notice=NoticeModel(lead_s=45.0)), 60.0),
    ],
)
def test_a_run_on_the_ledger_is_the_same_and_loses_no_job(
    tmp_path: Path, rules: FleetRules, deadline_s: float | None
) -> None:
    with LedgerQueue(directory=tmp_path) as queue:
        on_ledger = _run(queue, rules, deadline_s)
        counts = queue.verify()
    assert on_ledger.totals.interruptions > 10
    assert counts.submitted == counts.done == on_ledger.totals.jobs > 300
    assert (counts.lost, counts.doubled) == (0, 0)
    in_memory = _run(SimQueue(), rules, deadline_s)
    assert on_ledger.totals == in_memory.totals
    assert on_ledger.ready_s.tolist() == in_memory.ready_s.tolist()
