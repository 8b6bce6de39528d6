"""`eddyline fleet demo` writes a ledger that the dashboard reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.shared_files import data_file

from eddyline.app.fleet.dashboard import Filters, FleetDashboard
from eddyline.app.fleet.dashboard_queries import drains, summary
from eddyline.app.fleet.demo import write_demo
from eddyline.core.clock import ManualClock
from eddyline.core.errors import UsageError
from eddyline.fleet.dashboard.grouping import UNKNOWN, Grouping
from eddyline.graph.job import NewJob
from eddyline.graph.ledger.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "ledger.db", clock=ManualClock(1_790_000_000.0))


# Median lives in minutes. facts/web.md has 272.82 hours (0.612 an hour) for p3: that counts the 18 machines
# which the trace adds at 0 ms from 60 s on. By the trace they ran 273.12 hours.
TRACES = {
    "g4dn": (79, 74, 135.68, 0.545, 0.937, 24, 65, 0.541),
    "p3": (177, 167, 273.12, 0.611, 0.944, 32, 68, 0.525),
}


@pytest.mark.parametrize("name", TRACES)
def test_a_replayed_trace_has_its_published_figures(ledger: Ledger, name: str) -> None:
    result = write_demo(ledger, seed=1, days=1, trace=data_file(f"traces/{name}-trace.csv"))
    view = FleetDashboard(ledger, vcpu_of_types={}).view(result.start, result.stop, Filters())
    found = summary(view)
    rates = found.interruptions
    assert found.survival_median_s is not None
    assert (
        rates.launches,
        rates.interruptions,
        round(rates.instance_hours, 2),
        round(rates.rate_per_instance_hour or 0, 3),
        round(rates.interrupted_share_of_launches or 0, 3),
        found.machines.peak_running,
        found.survival_median_s / 60,
        round(found.survival_at_60_min or 0, 3),
    ) == TRACES[name]
    assert found.zones == [UNKNOWN]
    assert "trace" in found.range.demonstration


def test_a_generated_fleet_is_marked_and_has_all_figures(ledger: Ledger) -> None:
    result = write_demo(ledger, seed=1, days=3, trace=None)
    view = FleetDashboard(ledger, vcpu_of_types={}).view(result.start, result.stop, Filters())
    found = summary(view)
    assert found.range.demonstration == "3 days of a made-up fleet (seed 1)"
    assert found.machines.ran == result.machines
    assert found.interruptions.interruptions == result.interruptions
    assert 0.5 < (found.usage.spot_share or 0) < 1
    assert 0.3 < (found.savings.saved_share or 0) < 0.8
    assert 0 < (found.savings.priced_share_of_hours or 0) < 1
    assert found.drains.drained_s.p50 is not None
    assert found.drains.redone_s > 0
    assert found.drains.missed > 0
    assert found.largest_reclaim is not None
    assert found.replacements.seconds.count > 0
    by_type = drains(view, Grouping.TYPE, ledger)
    assert sum(each.interruptions for each in by_type.groups) == result.interruptions
    assert sum(each.machines for each in by_type.histogram) == found.drains.drained_s.count


def test_a_ledger_with_data_is_refused(ledger: Ledger) -> None:
    job = NewJob(id="a-1", asset="a", kind="chunk", spec={}, pool="cpu", dependencies=())
    ledger.submit([job])
    with pytest.raises(UsageError, match="already has data in jobs"):
        write_demo(ledger, seed=1, days=0.1, trace=None)
    assert (
        FleetDashboard(ledger, vcpu_of_types={})
        .view(ledger.now() - 3600, ledger.now(), Filters())
        .demonstration
        == ""
    )


def test_a_demonstration_is_not_written_twice(ledger: Ledger) -> None:
    write_demo(ledger, seed=1, days=0.1, trace=None)
    with pytest.raises(UsageError, match="already has a demonstration"):
        write_demo(ledger, seed=1, days=0.1, trace=None)
