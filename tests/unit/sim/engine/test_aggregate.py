from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

import pytest

from eddyline.core.errors import UsageError
from eddyline.fleet.scaler.rules import ScalerRules
from eddyline.sim.engine.aggregate import AggregateEngine
from eddyline.sim.engine.exact import ExactEngine
from eddyline.sim.engine.fleet import FleetRules
from eddyline.sim.engine.instance import Offer
from eddyline.sim.engine.result import RunResult
from eddyline.sim.market.generate import generate
from eddyline.sim.market.generated_spec import GeneratedMarket
from eddyline.sim.market.market import Market, MarketPool, NoticeModel
from eddyline.sim.policies.scaler_policy import ScalerPolicy
from eddyline.sim.types import TypeFigures, builtin_types
from eddyline.sim.workload.arrivals import arrivals, iter_batches
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.encode_speed import REFERENCE_FPS_PER_VCPU, REFERENCE_SLOT_VCPU
from eddyline.sim.workload.workload import Bursts, PeakAt, Workload

HOUR_S = 3600.0
SEEDS = (1, 2, 3, 4)


def offers(market: Market) -> list[Offer]:
    """Every pool of a market, and the cheapest type On-Demand."""
    types = builtin_types()
    spot = [offer(types[pool.type], pool.name, pool.zone) for pool in market.pools]
    return [*spot, offer(types["c8g.xlarge"], "on-demand", "")]


def offer(figures: TypeFigures, name: str, zone: str) -> Offer:
    assert figures.fps_per_vcpu is not None
    return Offer(
        name=name,
        type=figures.name,
        zone=zone,
        spot=bool(zone),
        vcpu=figures.vcpu,
        slots=figures.vcpu // REFERENCE_SLOT_VCPU,
        speed=figures.fps_per_vcpu / REFERENCE_FPS_PER_VCPU,
        usd_h=figures.spot_usd_h if zone else figures.on_demand_usd_h,
        own_usd_h=figures.on_demand_usd_h,
    )


def generated(seed: int, hours: float, **fields: object) -> Market:
    types = ("c8g.xlarge", "c7a.2xlarge", "c7g.4xlarge")
    spec = GeneratedMarket(**{"types": types, "zones": 2, **fields})  # type: ignore[arg-type]
    return generate(spec, types=builtin_types(), seed=seed, end_s=hours * HOUR_S)


def nodes(seed: int, hours: float) -> Market:
    """60 places; at each, nodes of 20 to 50 minutes follow each other with gaps."""
    found = []
    for place in range(60):
        at = -60.0 * (place * 7 + seed) % 1800
        while at < hours * HOUR_S:
            lasts_s = 1200.0 + 60 * ((place * 13 + int(at)) % 31)
            found.append((at, at + lasts_s))
            at += lasts_s + 300 + 20 * (place % 11)
    pool = MarketPool(name="n", type="c8g.2xlarge", zone="a", units=60, nodes=tuple(sorted(found)))
    return Market(name="n", source="", licence="", note="", end_s=hours * HOUR_S, pools=(pool,))


def run(
    market: Market, workload: Workload, seed: int, *, exact: bool, rules: FleetRules | None = None
) -> RunResult:
    pools = {pool.name: pool for pool in market.pools}
    policy = ScalerPolicy(ScalerRules())
    end_s = market.end_s
    if exact:
        found = arrivals(workload, seed=seed, end_s=end_s)
        return ExactEngine(offers(market), pools, found, policy, end_s=end_s, seed=seed, rules=rules).run()
    batches = iter_batches(workload, seed=seed, end_s=end_s)
    return AggregateEngine(offers(market), pools, batches, policy, end_s=end_s, seed=seed, rules=rules).run()


CONSTANT = Workload(slots=300, load=0.5)
DAILY = Workload(slots=300, load=0.5, shape="daily", peak_at=PeakAt(day_h=2.5))
NO_NOTICE = FleetRules(notice=NoticeModel(lead_s=0.0))


@pytest.mark.parametrize(
    ("hours", "workload", "rules", "market"),
    [
        (4.0, CONSTANT, None, {}),
        (6.0, DAILY, None, {"preset": "choppy", "wave_every_h": 2.0}),
        (5.0, CONSTANT, None, {"preset": "dark", "zones": 1, "units": 40, "dark_mean_s": 1500}),
        (3.0, CONSTANT, NO_NOTICE, {"preset": "hostile", "hazard_per_hour": 1.0}),
        (3.0, Workload(slots=300, load=0.3, bursts=Bursts(every_h=1.0)), None, {}),
        (4.0, CONSTANT, None, None),
    ],
    ids=["calm", "daily and choppy", "dark with On-Demand", "hostile without notices", "bursts", "nodes"],
)
def test_cost_is_within_2_percent_and_p99_within_5_percent_of_the_exact_engine(
    hours: float, workload: Workload, rules: FleetRules | None, market: dict[str, object] | None
) -> None:
    pairs = []
    for seed in SEEDS:
        found = nodes(seed, hours) if market is None else generated(seed, hours, **market)
        pairs.append([run(found, workload, seed, exact=exact, rules=rules) for exact in (True, False)])
    exact, aggregate = zip(*pairs, strict=True)
    assert mean_cost(aggregate) == pytest.approx(mean_cost(exact), rel=0.02)
    assert fmean(each.p99_s for each in aggregate) == pytest.approx(
        fmean(each.p99_s for each in exact), rel=0.05
    )
    assert fmean(each.spot_share for each in aggregate) == pytest.approx(
        fmean(each.spot_share for each in exact), abs=0.03
    )
    assert sum(each.totals.jobs for each in aggregate) == sum(each.totals.jobs for each in exact)
    assert mean_drain_s(aggregate) == pytest.approx(mean_drain_s(exact), rel=0.2)
    redone = fmean(each.redone_share for each in exact)
    assert fmean(each.redone_share for each in aggregate) == pytest.approx(redone, rel=0.4, abs=1e-4)


def mean_drain_s(results: tuple[RunResult, ...]) -> float:
    return fmean(seconds for each in results for seconds in each.drains_s)


def mean_cost(results: tuple[RunResult, ...]) -> float:
    return fmean(each.totals.cost_usd for each in results)


@pytest.mark.parametrize(
    "rules",
    [
        FleetRules(),
        NO_NOTICE,
        FleetRules(notice=NoticeModel(absent=0.3, late=0.3)),
        FleetRules(drains=False),
    ],
)
def test_all_work_is_done_in_each_market_and_with_each_notice(rules: FleetRules) -> None:
    market = generated(1, 2.0, preset="hostile", hazard_per_hour=2.0, zones=1)
    found = run(market, CONSTANT, 1, exact=False, rules=rules)
    totals = found.totals
    assert totals.interruptions > 50
    assert totals.done == pytest.approx(totals.arrived)
    assert 0 < totals.spot <= totals.done * (1 + 1e-9)
    assert totals.jobs_done == totals.jobs
    assert len(found.ready_s) > 0
    assert found.ready_s[0] > 0
    assert 0 < totals.billed_usd <= totals.cost_usd < totals.own_usd
    assert len(found.lives) == totals.launches
    assert (totals.redone > 0) is (rules != FleetRules())
    assert (totals.lost > 0) is (rules != FleetRules())
    assert len(found.drains_s) > 10
    assert all(0 < each <= 120 for each in found.drains_s)


def test_busy_slots_and_waiting_work_are_never_negative_and_cost_grows() -> None:
    market = generated(3, 2.0, preset="hostile", hazard_per_hour=2.0)
    samples = run(market, DAILY, 3, exact=False).samples
    assert all(each.busy >= 0 and each.waiting >= 0 for each in samples)
    assert [each.cost_usd for each in samples] == sorted(each.cost_usd for each in samples)


def test_a_run_is_determined_by_its_seed() -> None:
    market = generated(7, 1.0, preset="hostile")
    first, again, other = (run(market, CONSTANT, seed, exact=False) for seed in (7, 7, 8))
    assert first.totals == again.totals
    assert first.ready_s.tolist() == again.ready_s.tolist()
    assert first.samples == again.samples
    assert first.totals != other.totals


def one(*at: float, chunks: tuple[float, ...] = (40.0,)) -> Iterator[AssetArrival]:
    return (AssetArrival(at=each, owner="o", codec="h264", priority=0, chunks=chunks) for each in at)


def test_one_job_waits_for_the_boot_and_runs_on_a_slot() -> None:
    ready_s = AggregateEngine(
        [offer(builtin_types()["c8g.xlarge"], "od", "")],
        {},
        one(10.0),
        ScalerPolicy(ScalerRules()),
        end_s=60.0,
        seed=1,
    ).run()
    # The policy sees it at 30 s, the instance takes jobs at 210 s.
    assert ready_s.ready_s.tolist() == pytest.approx([210.0 + 40.0 - 10.0], abs=10)


def test_a_run_without_arrivals_costs_nothing() -> None:
    offered = [offer(builtin_types()["c8g.xlarge"], "od", "")]
    found = AggregateEngine(offered, {}, one(), ScalerPolicy(ScalerRules()), end_s=60.0, seed=1).run()
    assert found.totals.cost_usd == 0
    assert not len(found.ready_s)


def test_work_that_no_capacity_does_is_an_error() -> None:
    pool = MarketPool(name="spot", type="c8g.xlarge", zone="a", units=1, capacity=((0.0, 0),))
    only_spot = [offer(builtin_types()["c8g.xlarge"], "spot", "a")]
    engine = AggregateEngine(
        only_spot, {"spot": pool}, one(1.0), ScalerPolicy(ScalerRules()), end_s=60.0, seed=1
    )
    with pytest.raises(UsageError, match="does not provide the capacity"):
        engine.run()


def test_a_step_of_no_time_is_an_error() -> None:
    with pytest.raises(UsageError, match="not a duration"):
        AggregateEngine([], {}, one(), ScalerPolicy(ScalerRules()), end_s=60.0, seed=1, step_s=0.0)
