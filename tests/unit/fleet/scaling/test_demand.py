"""The capacity that the work of a pool needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.scaling import metric_names
from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.demand import PoolDemand, arrival_vcpu, pool_demand
from eddyline.fleet.scaling.work_rates import WorkRates
from eddyline.graph.pool_load import DueWork, EndedStart, Instances, Load, RunningWork, Workers
from eddyline.graph.pool_sample import PoolSample

NOW = 1_800_000_030.0
MINUTE = 1_800_000_000
BOUNDS = Bounds(spot_max=3200, on_demand_max=320, target_backlog_s=300)


def due(jobs: int = 100, weight: float = 60.0, oldest_s: float = 30.0) -> DueWork:
    return DueWork(pool="cpu", kind="chunk", jobs=jobs, weight=jobs * weight, oldest_s=oldest_s)


def running(jobs: int, elapsed_s: float = 0.0, weight: float = 60.0) -> RunningWork:
    return RunningWork(
        pool="cpu",
        job_pool="cpu",
        kind="chunk",
        jobs=jobs,
        weight=jobs * weight,
        elapsed_s=jobs * elapsed_s,
    )


def machines(vcpu: int, *, spot: bool = True, count: int = 1) -> Workers:
    return Workers(
        pool="cpu",
        spot=spot,
        workers=count,
        instances=count,
        vcpu=vcpu,
        slots=vcpu // 2,
        slots_without_vcpu=0,
    )


def measured() -> WorkRates:
    rates = WorkRates()
    rates.measure([EndedStart(pool="cpu", kind="chunk", weight=60.0, seconds=40.0)])
    return rates


def demand(
    load: Load, history: Sequence[PoolSample] = (), bounds: Bounds = BOUNDS, **more: Any
) -> PoolDemand:
    options = {"slot_vcpu": 2.0, "rates": measured(), **more}
    return pool_demand("cpu", load, bounds=bounds, history=history, minute=MINUTE, **options)


def value(found: PoolDemand, metric: metric_names.PoolMetric) -> float | None:
    return found.metrics.get(metric.name)


def test_the_work_of_due_jobs_is_done_within_the_target() -> None:
    found = demand(Load(at=NOW, due=(due(),)))
    assert found.sample.backlog_vcpu_s == pytest.approx(100 * 40 * 2)
    assert found.sample.wanted_vcpu == 27  # 8000 / 300
    assert found.sample.due_jobs == 100
    assert found.sample.oldest_due_s == 30.0


def test_without_capacity_the_ratio_is_not_published() -> None:
    found = demand(Load(at=NOW, due=(due(),)))
    assert value(found, metric_names.BACKLOG) is None
    assert value(found, metric_names.SPOT_SHARE) is None
    assert value(found, metric_names.SPOT_IN_SERVICE) == 0
    assert value(found, metric_names.WANTED) == 27


def test_the_ratio_is_inversely_proportional_to_spot_capacity() -> None:
    found = [
        value(demand(Load(at=NOW, due=(due(),), workers=(machines(n),))), metric_names.BACKLOG)
        for n in (16, 32)
    ]
    assert found == pytest.approx([500.0, 250.0])


def test_up_to_a_tenth_more_than_there_is_is_at_the_target() -> None:
    load = [Load(at=NOW, due=(due(),), workers=(machines(n),)) for n in (24, 25, 26, 28)]
    found = [value(demand(each), metric_names.BACKLOG) for each in load]
    assert found[0] == pytest.approx(300 * 26.67 / 24, rel=1e-3)
    assert found[1:3] == [300.0, 300.0]
    assert found[3] == pytest.approx(300 * 26.67 / 28, rel=1e-3)


def test_on_demand_that_replaces_spot_does_not_shrink_the_spot_group() -> None:
    load = Load(at=NOW, due=(due(),), workers=(machines(16), machines(300, spot=False)))
    found = demand(load)
    assert value(found, metric_names.BACKLOG) == pytest.approx(500.0)
    assert value(found, metric_names.IN_SERVICE) == 316
    assert value(found, metric_names.SPOT_SHARE) == pytest.approx(100 * 16 / 316)


def test_the_base_of_on_demand_does_its_part_of_the_work() -> None:
    bounds = Bounds(spot_max=3200, on_demand_min=20, on_demand_max=20, target_backlog_s=300)
    found = demand(Load(at=NOW, due=(due(),), workers=(machines(16),)), bounds=bounds)
    assert value(found, metric_names.BACKLOG) == pytest.approx(300 * (8000 / 300 - 20) / 16)
    idle = demand(Load(at=NOW, workers=(machines(16),)), bounds=bounds)
    assert value(idle, metric_names.BACKLOG) == 0


def test_running_jobs_count_with_what_is_left_of_them() -> None:
    found = [
        demand(Load(at=NOW, running=(running(10, elapsed),))).sample.backlog_vcpu_s
        for elapsed in (0.0, 30.0, 500.0)
    ]
    assert found == pytest.approx([800.0, 200.0, 80.0])  # one that takes too long still has a tenth


def test_instances_that_should_be_ready_are_capacity_even_if_their_worker_fails() -> None:
    recorded = Instances(pool="cpu", spot=True, instances=10, vcpu=320, old_vcpu=160)
    found = demand(Load(at=NOW, due=(due(),), workers=(machines(16),), instances=(recorded,)))
    assert value(found, metric_names.BACKLOG) == pytest.approx(300 * (8000 / 300) / 160)
    assert value(found, metric_names.SPOT_IN_SERVICE) == 16
    assert (found.sample.spot_vcpu, found.sample.spot_instances) == (320, 10)


def test_slots_are_capacity_where_the_vcpu_is_unknown() -> None:
    unknown = Workers(pool="cpu", spot=False, workers=1, instances=1, vcpu=0, slots=5, slots_without_vcpu=5)
    assert demand(Load(at=NOW, workers=(unknown,))).sample.on_demand_vcpu == 10


def test_a_pool_that_was_never_measured_has_an_unknown_backlog_but_is_started() -> None:
    found = demand(Load(at=NOW, due=(due(),)), rates=WorkRates())
    assert found.sample.backlog_vcpu_s is None
    assert found.sample.wanted_vcpu == 4  # 6000 frames at the default rate
    assert demand(Load(at=NOW), rates=WorkRates()).sample.backlog_vcpu_s == 0


def test_other_pools_count_separately() -> None:
    other = DueWork(pool="gpu", kind="chunk", jobs=9, weight=9.0, oldest_s=99.0)
    found = demand(Load(at=NOW, due=(other,)))
    assert (found.sample.wanted_vcpu, found.sample.oldest_due_s) == (0, 0.0)


def history(busy_slots: int, backlog: float | None, minutes: int = 30) -> list[PoolSample]:
    return [
        PoolSample(minute=MINUTE - 60 * ago, pool="cpu", busy_slots=busy_slots, backlog_vcpu_s=backlog)
        for ago in range(minutes, 0, -1)
    ]


def test_arrivals_are_what_was_done_plus_the_growth_of_the_rest() -> None:
    arrivals = arrival_vcpu(
        history(50, 1000.0, 29), work=1000.0 + 29.5 * 60 * 20, busy_vcpu=100.0, slot_vcpu=2.0, now=NOW
    )
    assert arrivals == pytest.approx(120.0)


def test_arrivals_are_not_overestimated_while_a_backlog_shrinks() -> None:
    arrivals = arrival_vcpu(history(50, 150_000.0, 29), work=0.0, busy_vcpu=100.0, slot_vcpu=2.0, now=NOW)
    assert arrivals == pytest.approx(100 - 150_000 / (29.5 * 60))


def test_without_a_history_the_busy_slots_are_the_arrivals() -> None:
    for known in ([], history(50, None), history(50, 0.0, 1)):
        assert arrival_vcpu(known, work=9e9, busy_vcpu=64.0, slot_vcpu=2.0, now=NOW) == 64.0


def test_at_constant_load_the_metric_is_at_its_target_where_capacity_equals_arrivals() -> None:
    busy = 100
    load = Load(at=NOW, running=(running(busy, 20.0),), workers=(machines(214),))
    found = demand(load, history(busy, busy * 20.0 * 2))
    assert value(found, metric_names.BACKLOG) == pytest.approx(300.0, rel=0.01)


loads = st.builds(
    Load,
    at=st.just(NOW),
    due=st.lists(st.builds(due, st.integers(1, 10**7), st.floats(0, 1e6), st.floats(0, 1e7)), max_size=2).map(
        tuple
    ),
    running=st.lists(st.builds(running, st.integers(1, 10**6), st.floats(0, 1e6)), max_size=2).map(tuple),
    workers=st.lists(st.builds(machines, st.integers(0, 10**6), spot=st.booleans()), max_size=2).map(tuple),
)
samples = st.lists(
    st.builds(
        PoolSample,
        minute=st.integers(MINUTE - 4000, MINUTE),
        pool=st.just("cpu"),
        busy_slots=st.integers(0, 10**6),
        backlog_vcpu_s=st.none() | st.floats(0, 1e12),
        wanted_vcpu=st.none() | st.integers(0, 10**9),
        spot_vcpu=st.integers(0, 10**6),
    ),
    max_size=6,
).map(lambda found: sorted(found, key=lambda sample: sample.minute))


@given(loads, samples)
def test_values_are_finite_and_not_negative(load: Load, earlier: list[PoolSample]) -> None:
    found = demand(load, earlier)
    assert all(0 <= each < float("inf") for each in found.metrics.values())
    assert set(found.metrics) <= {metric.name for metric in metric_names.METRICS}
    assert 0 <= (found.sample.wanted_vcpu or 0) < 2**31


def test_the_age_of_the_last_decision_is_published_for_pools_that_coordinators_scale() -> None:
    own = Bounds(spot_max=64, scaled_by_aws=False)
    assert value(demand(Load(at=NOW), bounds=own, decided_at=NOW - 45.0), metric_names.DECISION_AGE) == 45.0
    assert value(demand(Load(at=NOW), bounds=own), metric_names.DECISION_AGE) is None
    assert value(demand(Load(at=NOW), decided_at=NOW - 45.0), metric_names.DECISION_AGE) is None
