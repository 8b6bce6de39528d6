from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from eddyline.core.errors import UsageError
from eddyline.fleet.scaler.rules import ScalerRules
from eddyline.sim.engine.control import FleetControl
from eddyline.sim.engine.exact import ExactEngine
from eddyline.sim.engine.fleet import FleetRules
from eddyline.sim.engine.instance import Offer
from eddyline.sim.engine.result import RunResult
from eddyline.sim.market.market import Hazard, MarketPool, NoticeModel, Wave
from eddyline.sim.policies.scaler_policy import ScalerPolicy
from eddyline.sim.workload.arrivals import arrivals
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.workload import Owners, Workload

ON_DEMAND = Offer(
    name="od", type="t", zone="", spot=False, vcpu=8, slots=4, speed=1.0, usd_h=0.36, own_usd_h=0.36
)
SPOT = Offer(
    name="spot", type="t", zone="a", spot=True, vcpu=8, slots=4, speed=1.0, usd_h=0.12, own_usd_h=0.36
)
HOUR_S = 3600.0
NO_NOTICE = NoticeModel(lead_s=0.0)


class Fixed:
    """Launches one instance of each offer at the start, and again whenever none is left."""

    every_s = 60.0

    def __init__(self, counts: Sequence[int]) -> None:
        self._counts = counts

    def tick(self, fleet: FleetControl, now: float) -> None:  # noqa: ARG002 - the protocol
        fleet.work()
        for number, (pool, count) in enumerate(zip(fleet.pools(), self._counts, strict=True)):
            fleet.launch(number, max(count - pool.booting - pool.ready, 0))


def assets(*at: float, chunks: tuple[float, ...] = (40.0,)) -> Iterator[AssetArrival]:
    return (AssetArrival(at=each, owner="o", codec="h264", priority=0, chunks=chunks) for each in at)


def spot_pool(**fields: object) -> Mapping[str, MarketPool]:
    values = {"name": "spot", "type": "t", "zone": "a", "units": 100, "capacity": ((0.0, 100),), **fields}
    return {"spot": MarketPool(**values)}  # type: ignore[arg-type]


def random_run(seed: int, rules: FleetRules, owners: int = 3, **fields: Any) -> RunResult:
    workload = Workload(slots=60, load=0.5, owners=Owners(count=owners))
    return ExactEngine(
        [SPOT, ON_DEMAND],
        spot_pool(**fields),
        arrivals(workload, seed=seed, end_s=2 * HOUR_S),
        ScalerPolicy(ScalerRules()),
        end_s=2 * HOUR_S,
        seed=seed,
        rules=rules,
    ).run()


def test_one_job_waits_for_the_boot_and_runs_on_a_slot() -> None:
    engine = ExactEngine([ON_DEMAND], {}, assets(10.0), Fixed([1]), end_s=60.0, seed=1)
    result = engine.run()
    assert result.ready_s.tolist() == [180.0 + 40.0 - 10.0]
    assert result.totals.cost_usd == pytest.approx(240 / HOUR_S * 0.36)
    assert result.totals.boot_usd == pytest.approx(180 / HOUR_S * 0.36)


def test_an_asset_is_ready_when_its_last_chunk_is() -> None:
    chunks = (40.0, 40.0, 40.0, 40.0, 10.0)
    engine = ExactEngine([ON_DEMAND], {}, assets(200.0, chunks=chunks), Fixed([1]), end_s=300.0, seed=1)
    assert engine.run().ready_s.tolist() == [50.0]


def test_a_faster_type_takes_less_time() -> None:
    fast = Offer(
        name="f", type="t", zone="", spot=False, vcpu=8, slots=4, speed=2.0, usd_h=1.0, own_usd_h=1.0
    )
    engine = ExactEngine([fast], {}, assets(200.0), Fixed([1]), end_s=300.0, seed=1)
    assert engine.run().ready_s.tolist() == [20.0]


def test_a_reclaimed_instance_without_notice_loses_its_running_job() -> None:
    market = spot_pool(capacity=((0.0, 1), (200.0, 0), (300.0, 1)))
    engine = ExactEngine(
        [SPOT], market, assets(170.0), Fixed([1]), end_s=900.0, seed=1, rules=FleetRules(notice=NO_NOTICE)
    )
    result = engine.run()
    # It ran from 180 to 200, was lost, and ran again on the instance that was launched at 300.
    assert result.totals.redone == pytest.approx(20.0)
    assert result.ready_s.tolist() == [300.0 + 180.0 + 40.0 - 170.0]
    assert result.totals.interruptions == 1
    assert result.totals.warned == 0


def test_with_a_notice_jobs_that_can_end_do_and_others_are_handed_back() -> None:
    market = spot_pool(capacity=((0.0, 1), (300.0, 0), (400.0, 1)))
    chunks = (40.0, 300.0)
    engine = ExactEngine([SPOT], market, assets(170.0, chunks=chunks), Fixed([1]), end_s=900.0, seed=1)
    result = engine.run()
    # The notice comes at 180, with the first jobs. At 182.5 the worker knows that one of them cannot end by
    # 290: it is not lost, but handed back.
    assert result.totals.warned == 1
    assert (result.totals.handed_back, result.totals.lost) == (1, 0)
    assert result.totals.redone == pytest.approx(2.5)
    assert result.drains_s == [pytest.approx(120.0 - 10.0 - 1.0 + 5.0)]
    assert result.ready_s.tolist() == [420.0 + 180.0 + 300.0 - 170.0]


def test_an_interrupted_instance_takes_short_jobs_from_behind_a_long_one_if_it_has_done_a_job() -> None:
    # The notice comes at 280: the first four jobs run from 180 to 220, the next four until 300. Then 90 s are
    # left: the job of 300 s stays, and the last two are taken.
    market = spot_pool(capacity=((0.0, 1), (400.0, 0), (1000.0, 1)))
    chunks = (*[40.0] * 4, *[80.0] * 4, 300.0, 30.0, 30.0)
    engine = ExactEngine([SPOT], market, assets(170.0, chunks=chunks), Fixed([1]), end_s=900.0, seed=1)
    result = engine.run()
    assert result.totals.redone == 0.0
    assert result.ready_s.tolist() == [1020.0 + 180.0 + 300.0 - 170.0]
    spot = [life for life in result.lives if life.interrupted]
    assert [life.seconds for life in spot] == [400.0]
    assert result.totals.jobs_done == 11


def test_a_worker_that_has_done_no_job_takes_none_after_the_notice_and_exits() -> None:
    # The notice comes at 150, and the worker is ready at 180: it cannot tell how long a job takes.
    market = spot_pool(capacity=((0.0, 1), (270.0, 0), (1000.0, 1)))
    engine = ExactEngine([SPOT], market, assets(100.0), Fixed([1]), end_s=900.0, seed=1)
    result = engine.run()
    assert result.drains_s == [pytest.approx(180.0 - 150.0 + 5.0)]
    assert result.ready_s.tolist() == [1020.0 + 180.0 + 40.0 - 100.0]


def test_an_instance_on_a_node_ends_with_it() -> None:
    market = {
        "spot": MarketPool(name="spot", type="t", zone="a", units=1, nodes=((0.0, 250.0), (400.0, None)))
    }
    engine = ExactEngine(
        [SPOT], market, assets(240.0), Fixed([1]), end_s=900.0, seed=1, rules=FleetRules(notice=NO_NOTICE)
    )
    result = engine.run()
    assert result.totals.interruptions == 1
    # Launches are tried each minute: at 420 the second node is there.
    assert result.ready_s.tolist() == [420.0 + 180.0 + 40.0 - 240.0]


@pytest.mark.parametrize(
    ("rules", "fields"),
    [
        (FleetRules(), {"hazard": Hazard(per_hour=2.0, early_per_hour=2.0)}),
        (
            FleetRules(notice=NO_NOTICE),
            {"hazard": Hazard(per_hour=2.0), "waves": (Wave(at=3000.0, share=0.7),)},
        ),
        (
            FleetRules(notice=NoticeModel(absent=0.3, late=0.3)),
            {"capacity": ((0.0, 9), (2000.0, 2), (5000.0, 9))},
        ),
        (FleetRules(drains=False), {"capacity": ((0.0, 9), (2000.0, 0), (4000.0, 9))}),
    ],
)
def test_every_job_is_done_exactly_once_in_every_market(rules: FleetRules, fields: dict[str, Any]) -> None:
    for seed in range(4):
        totals = random_run(seed, rules, **fields).totals
        assert totals.jobs_done == totals.jobs
        assert totals.done == pytest.approx(totals.arrived)
        assert totals.interruptions > 0
        assert totals.billed_usd <= totals.cost_usd <= totals.own_usd


def test_a_run_is_determined_by_its_seed() -> None:
    fields: dict[str, Any] = {"hazard": Hazard(per_hour=2.0)}
    first, again, other = (random_run(seed, FleetRules(), **fields) for seed in (7, 7, 8))
    assert first.totals == again.totals
    assert first.ready_s.tolist() == again.ready_s.tolist()
    assert first.samples == again.samples
    assert first.totals != other.totals


def test_work_that_no_capacity_does_is_an_error() -> None:
    engine = ExactEngine([SPOT], spot_pool(capacity=((0.0, 0),)), assets(1.0), Fixed([1]), end_s=60.0, seed=1)
    with pytest.raises(UsageError, match="does not provide the capacity"):
        engine.run()


def test_on_demand_replaces_spot_before_the_deadline() -> None:
    found = random_run(1, FleetRules(), 1, capacity=((0.0, 9), (1800.0, 0), (7000.0, 9)))
    assert 0.2 < found.spot_share < 0.9
    assert found.p99_s <= 900.0


def test_busy_slots_never_exceed_the_capacity() -> None:
    rng = random.Random(3)
    found = random_run(rng.randrange(100), FleetRules(), hazard=Hazard(per_hour=3.0))
    for sample in found.samples:
        assert sample.busy >= 0
        assert sample.waiting >= 0
    assert [each.cost_usd for each in found.samples] == sorted(each.cost_usd for each in found.samples)
