"""Demand and capacity of pools, computed from a real ledger each minute."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.app.fleet.metrics import FleetMetrics, Publisher, cloudwatch_values, seconds_to_next_minute
from eddyline.core.clock import ManualClock
from eddyline.fleet.pools import load_pools
from eddyline.fleet.scaling import metric_names
from eddyline.fleet.scaling.demand import PoolDemand
from eddyline.graph.db.transactions import Database, LedgerError, as_url
from eddyline.graph.job import NewJob
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine
from eddyline.observe.pool_gauges import PoolGauges

NOW = 1_800_000_000.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", clock=ManualClock(NOW), rng=random.Random(1)) as opened:
        yield opened


@pytest.fixture
def database(tmp_path: Path, ledger: Ledger) -> Iterator[Database]:
    assert ledger
    opened = Database(as_url(tmp_path / "ledger.db"), random.Random(1))
    yield opened
    opened.close()


def submit(ledger: Ledger, jobs: int) -> None:
    ledger.submit(
        [NewJob(id=f"{n}", asset="a", kind="chunk", spec={}, pool="cpu", weight=4000.0) for n in range(jobs)]
    )


def test_the_demand_of_every_pool_is_stored_and_published(ledger: Ledger, database: Database) -> None:
    submit(ledger, 30)
    machine = Machine(pool="cpu", instance="i-1", lifecycle="spot", vcpu=32, slots=16)
    ledger.register("w", "host", 1, machine=machine)
    ledger.claim("w", pools=["cpu"], limit=10, lease_s=30.0)
    pools = load_pools()
    demands = FleetMetrics(database, pools).read(NOW + 5)
    assert [demand.sample for demand in demands if demand.sample.due_jobs] == [
        sample for sample in ledger.fleet.samples(NOW, NOW + 60) if sample.pool == "cpu"
    ]
    values = {
        each.metric: each.value
        for each in cloudwatch_values(demands, pools, "studio")
        if each.dimensions == {"Prefix": "studio", "Pool": "cpu"}
    }
    assert values["InServiceVcpu"] == values["SpotInServiceVcpu"] == 32
    assert (values["Slots"], values["BusySlots"]) == (16, 10)
    # 10 running jobs at 2 vCPU, and what does 30 jobs of 800 vCPU seconds in 300 s.
    assert values["WantedVcpu"] == pytest.approx(20 + 30 * 800 / 300, abs=1.5)
    assert values["BacklogSecondsPerVcpu"] == pytest.approx(300 * values["WantedVcpu"] / 32, rel=0.02)


def test_two_coordinators_store_one_sample_and_publish_equal_values(
    ledger: Ledger, database: Database
) -> None:
    submit(ledger, 30)
    pools = load_pools()
    first, second = (FleetMetrics(database, pools).read(NOW + offset) for offset in (1.0, 2.0))
    assert len(ledger.fleet.samples(NOW, NOW + 60)) == len(pools.pools)
    names = {metric.name for metric in metric_names.METRICS} - {"OldestDueJobAge"}
    for one, other in zip(first, second, strict=True):
        assert {name: one.metrics.get(name) for name in names} == {
            name: other.metrics.get(name) for name in names
        }


def test_pools_without_machines_on_aws_cost_no_cloudwatch_metrics(
    ledger: Ledger, database: Database, tmp_path: Path
) -> None:
    assert ledger
    path = tmp_path / "pools.yaml"
    path.write_text("pools: {own: {kinds: [chunk], cost: 1, slot: {vcpu: 1, memory_mib: 1024}}}\n")
    pools = load_pools(path)
    demands = FleetMetrics(database, pools).read(NOW)
    assert len(demands) == 1
    assert cloudwatch_values(demands, pools, "studio") == []


def test_without_the_ledger_nothing_is_published(database: Database) -> None:
    metrics, published = FleetMetrics(database, load_pools()), []
    lost = False

    def read(now: float) -> list[PoolDemand]:
        if lost:
            raise LedgerError("the server is gone")
        return metrics.read(now)

    class CloudWatch:
        failures = 0

        def publish(self, values: list[Any], *, at: float) -> bool:
            published.append((at, len(values)))
            return True

    gauges = PoolGauges((), clock=ManualClock(NOW))
    publisher = Publisher(
        read,
        gauges=gauges,
        cloudwatch=CloudWatch(),  # type: ignore[arg-type]
        values=lambda demands: cloudwatch_values(demands, load_pools(), "studio"),
    )
    assert publisher.publish(NOW + 1)
    lost = True
    assert not publisher.publish(NOW + 61)
    lost = False
    assert publisher.publish(NOW + 121)
    assert [at for at, _ in published] == [NOW, NOW + 120]
    assert gauges.failures == 1


@given(st.floats(0, 4e9))
def test_readings_are_shortly_after_the_start_of_each_minute(now: float) -> None:
    pause = seconds_to_next_minute(now)
    assert 0 < pause <= 61.001
    assert (now + pause) % 60 == pytest.approx(1.0, abs=1e-5)
