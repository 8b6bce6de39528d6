from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert
from tests.unit.app.fleet.simulation_file import interval, policy, write_simulation
from tests.unit.web.web_app import open_services

from eddyline.app.fleet.dashboard import Filters
from eddyline.app.fleet.demo import write_demo
from eddyline.app.fleet.simulation_report import SimulationComparison, comparison_rows
from eddyline.graph.db.library_schema import assets, events
from eddyline.graph.db.schema import starts
from eddyline.graph.ledger.catalogue.ready_times import ready_times
from eddyline.graph.ledger.fleet.work_sums import sum_work
from eddyline.web.services import Services

HOUR_S = 3600.0
RANGE_S = 20 * HOUR_S


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    services = open_services(tmp_path_factory.mktemp("simulated"))
    write_demo(services.ledger, seed=1, days=1, trace=None)
    write_simulation(services.settings.data / "simulation.json")  # without one, nothing is measured
    yield services
    services.ledger.close()


def compared(services: Services, **filters: str) -> SimulationComparison:
    now = services.ledger.now()
    return services.simulation.compare(services.fleet.view(now - RANGE_S, now, Filters(**filters)))


def test_without_a_file_nothing_is_compared(tmp_path: Path) -> None:
    services = open_services(tmp_path)
    found = compared(services)
    assert found.simulation is None
    assert found.problem == ""
    assert set(found.measured.values()) == {None}
    services.ledger.close()


def test_measured_figures_are_those_of_the_dashboard(demo: Services) -> None:
    write_simulation(demo.settings.data / "simulation.json")
    found = compared(demo)
    measured = found.measured
    now = demo.ledger.now()
    sums = demo.ledger.read(lambda c: sum_work(c, now - RANGE_S, now))
    assert sums.redone_s > 0
    assert measured["redone_share"] == pytest.approx(sums.redone_s / sums.counted_s)
    assert 0 < (measured["spot_share"] or 0) <= 1
    assert 0 < (measured["saved_own"] or 0) < 1
    assert (measured["interruptions_per_hour"] or 0) > 0
    assert measured["saved_best"] is None


def test_a_measured_figure_is_below_within_or_above_the_interval(demo: Services) -> None:
    share = compared(demo).measured["spot_share"] or 0.0
    write_simulation(
        demo.settings.data / "simulation.json",
        policy("low", spot_share=interval(share - 0.2, 0.1)),
        policy("same", spot_share=interval(share, 0.1)),
        policy("high", spot_share=interval(share + 0.2, 0.1)),
        name="three",
    )
    found = compared(demo)
    assert found.simulation is not None
    figures = [each.figures["spot_share"] for each in found.simulation.policies]
    assert [each.measured_is for each in figures if each] == ["above", "within", "below"]
    best = found.simulation.policies[0].figures["saved_best"]
    assert best is not None
    assert best.measured_is == ""
    rows = list(comparison_rows(found))
    assert ("low", "spot_share", share) in [tuple(row[:3]) for row in rows]
    assert all(row[1] != "saved_published" for row in rows)


def test_filters_leave_out_what_they_cannot_choose(demo: Services) -> None:
    of_pool = compared(demo, pool="cpu").measured
    assert of_pool["redone_share"] is not None
    assert of_pool["p99_s"] is None
    assert compared(demo, zone="us-east-1a").measured["redone_share"] is None


def test_a_file_that_cannot_be_read_is_a_problem_of_the_answer(tmp_path: Path) -> None:
    services = open_services(tmp_path)
    (services.settings.data / "simulation.json").write_text("{", "utf-8")
    found = compared(services)
    assert found.simulation is None
    assert "not JSON" in found.problem
    assert "--report" in found.problem
    assert list(comparison_rows(found)) == []
    services.ledger.close()


def test_work_is_summed_by_outcome_pool_and_time(tmp_path: Path) -> None:
    services = open_services(tmp_path)
    rows = [
        {
            "job_id": f"j{number}",
            "fence": 1,
            "pool": pool,
            "kind": "chunk",
            "worker": "w",
            "instance": "",
            "started": ended - length,
            "ended": ended,
            "outcome": outcome,
        }
        for number, (pool, outcome, length, ended) in enumerate(
            [
                ("cpu", "done", 40.0, 100.0),
                ("cpu", "failed", 5.0, 100.0),
                ("cpu", "interrupted", 7.0, 100.0),
                ("gpu", "lost", 3.0, 199.0),
                ("cpu", "done", 99.0, 200.0),
            ]
        )
    ]
    services.ledger.write(lambda c: c.execute(insert(starts), rows))
    assert services.ledger.read(lambda c: sum_work(c, 100.0, 200.0)) == (45.0, 10.0)
    assert services.ledger.read(lambda c: sum_work(c, 100.0, 200.0, pool="gpu")) == (0.0, 3.0)
    assert services.ledger.read(lambda c: sum_work(c, 500.0, 600.0)) == (0.0, 0.0)
    services.ledger.close()


def test_times_to_ready_are_those_of_events_in_the_range(tmp_path: Path) -> None:
    services = open_services(tmp_path)
    ledger = services.ledger
    now = ledger.now()
    times = [(f"asset-{number}", 60.0 * (number + 1)) for number in range(100)]
    columns = {"owner": "", "name": "n", "state": "ready", "updated": now, "profile": "p", "source": "s"}
    rows = [{"asset": name, "created": now - 600 - took, "progress": 1.0, **columns} for name, took in times]
    kinds = [
        {"at": now - 600, "kind": "asset.ready", "owner": "", "asset": name, "body": "{}"}
        for name, _ in times
    ]
    other = [{**kinds[0], "kind": "asset.created"}, {**kinds[0], "at": now - 10 * RANGE_S}]
    ledger.write(lambda c: c.execute(insert(assets), rows))
    ledger.write(lambda c: c.execute(insert(events), [*kinds, *other]))
    found = ledger.read(lambda c: ready_times(c, now - RANGE_S, now))
    assert found == [pytest.approx(took) for _, took in times]
    write_simulation(services.settings.data / "simulation.json")
    measured = compared(services).measured
    assert measured["p50_s"] == pytest.approx(3000.0)
    assert measured["p99_s"] == pytest.approx(5940.0)
    ledger.close()
