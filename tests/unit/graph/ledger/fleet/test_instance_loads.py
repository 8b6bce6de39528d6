"""What workers on instances do, and the history of Spot Instances."""

from __future__ import annotations

from tests.unit.graph.ledger.fleet.test_load import instance, job, put, worker

from eddyline.core.clock import ManualClock
from eddyline.graph.db.schema import instances, workers
from eddyline.graph.ledger.fleet.instance_loads import (
    InstanceLoad,
    SpotHistory,
    instance_loads,
    spot_history,
    type_vcpu,
)
from eddyline.graph.ledger.ledger import Ledger


def test_the_jobs_of_all_live_workers_of_an_instance_count(ledger: Ledger, clock: ManualClock) -> None:
    rows = [
        worker("1", ledger, instance="i-1", slots=4),
        worker("2", ledger, instance="i-1", slots=2),
        worker("3", ledger, instance="i-2", slots=8),
        worker("4", ledger, instance="i-3", deadline=ledger.now() - 1),
        worker("5", ledger, instance=""),
    ]
    put(ledger, workers, rows)
    ledger.submit([job(str(number)) for number in range(5)])
    assert len(ledger.claim("1", pools=["cpu"], limit=3, lease_s=30.0)) == 3
    assert len(ledger.claim("2", pools=["cpu"], limit=1, lease_s=30.0)) == 1
    assert ledger.read(lambda c: instance_loads(c, clock.now())) == {
        "i-1": InstanceLoad(slots=6, busy=4),
        "i-2": InstanceLoad(slots=8, busy=0),
    }


def test_interruptions_and_hours_are_summed_by_type_and_zone(ledger: Ledger) -> None:
    now = ledger.now() + 20_000.0
    start = now - 7200.0
    kind = {"instance_type": "c7a.large", "zone": "us-east-1a"}
    rows = [
        instance("1", ledger, launched=start - 3600.0, **kind),
        instance("2", ledger, launched=start, terminated=start + 3600, ended_by="interruption", **kind),
        instance("3", ledger, launched=start - 9000, terminated=start - 10, ended_by="interruption", **kind),
        instance("4", ledger, launched=start, lifecycle="on-demand", **kind),
        instance("5", ledger, launched=None, **kind),
    ]
    put(ledger, instances, rows)
    found = ledger.read(lambda c: spot_history(c, start, now))
    assert found == {("c7a.large", "us-east-1a"): SpotHistory(interrupted=1, hours=3.0)}
    assert ledger.read(type_vcpu) == {"c7a.large": 32}
