"""The API and the page of the Spot dashboard."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.unit.app.fleet.simulation_file import policy, write_simulation
from tests.unit.web.web_app import client_of, open_services

from eddyline.app.fleet.demo import write_demo
from eddyline.fleet.record.fold import fold
from eddyline.graph.fleet_event import FleetEvent, FleetEventKind
from eddyline.graph.ledger.ledger import Ledger

REPORTS = (
    "summary",
    "interruptions",
    "running",
    "capacity",
    "savings",
    "drains",
    "survival",
    "machines",
    "simulation",
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    services = open_services(tmp_path_factory.mktemp("demo"))
    write_demo(services.ledger, seed=1, days=2, trace=None)
    with client_of(services) as client:
        yield client
    services.ledger.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[tuple[TestClient, Ledger]]:
    services = open_services(tmp_path)
    with client_of(services) as client:
        yield client, services.ledger
    services.ledger.close()


def report(client: TestClient, name: str, **query: Any) -> Any:
    response = client.get(f"/api/v1/fleet/{name}", params=query)
    assert response.status_code == 200, response.text
    return response.json()


def table(client: TestClient, name: str, **query: Any) -> list[dict[str, str]]:
    response = client.get(f"/api/v1/fleet/{name}", params={**query, "format": "csv"})
    assert response.headers["content-type"].startswith("text/csv")
    assert response.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
    return list(csv.DictReader(io.StringIO(response.text)))


def test_the_csv_of_each_chart_equals_its_json(demo: TestClient) -> None:
    for name in ("interruptions", "running", "savings", "capacity"):
        found = report(demo, name)
        rows = iter(table(demo, name))
        for group in found["pools" if name == "capacity" else "groups"]:
            for at in range(len(found["range"]["steps"])):
                row = next(rows)
                assert row["group"] == group["key"]
                for field, values in group["steps"].items():
                    assert (float(row[field]) if row[field] else None) == values[at]
        assert next(rows, None) is None


def test_the_csv_of_groups_has_their_sums(demo: TestClient) -> None:
    found = report(demo, "drains", by="zone")["groups"]
    rows = table(demo, "drains", by="zone")
    assert [row["key"] for row in rows] == [group["key"] for group in found]
    assert [float(row["redone_s"]) for row in rows] == [group["redone_s"] for group in found]
    assert float(rows[0]["drained_s_p95"]) == found[0]["drained_s"]["p95"]
    rates = table(demo, "interruptions", by="pool", rows="groups")
    assert {row["key"] for row in rates} == {"cpu", "light", "gpu"}


def test_the_survival_and_the_summary_are_tables_too(demo: TestClient) -> None:
    curves = report(demo, "survival")
    points = table(demo, "survival")
    assert len(points) == sum(len(each["points"]) for each in (curves["total"], *curves["groups"]))
    assert table(demo, "survival", rows="groups")[0]["key"] == "all"
    figures = {row["figure"]: row["value"] for row in table(demo, "summary")}
    found = report(demo, "summary")
    assert float(figures["interruptions.rate_per_instance_hour"]) == pytest.approx(
        found["interruptions"]["rate_per_instance_hour"]
    )
    assert float(figures["drains.drained_s_p50"]) == found["drains"]["drained_s"]["p50"]


def test_pages_of_machines_and_the_csv_have_the_same_machines(demo: TestClient) -> None:
    names, after = [], ""
    while True:
        page = report(demo, "machines", limit=40, after=after)
        names += [each["instance"] for each in page["machines"]]
        after = page["next"]
        if not after:
            break
    assert len(names) == page["total"] > 40
    assert [row["instance"] for row in table(demo, "machines")] == names
    interrupted = table(demo, "machines", ended_by="interruption")
    assert {row["ended_by"] for row in interrupted} == {"interruption"}
    assert len(interrupted) == report(demo, "summary")["machines"]["interrupted"]


def test_filters_and_ranges(demo: TestClient) -> None:
    total = report(demo, "summary")
    stop = total["range"]["stop"]
    parts = [
        report(demo, "summary", pool=pool, **{"from": stop - 86_400, "to": stop}) for pool in total["pools"]
    ]
    assert sum(each["machines"]["ran"] for each in parts) == total["machines"]["ran"]
    same = report(demo, "interruptions", **{"from": "2023-11-14T00:00:00Z", "to": "2023-11-14T12:00:00"})
    assert (same["range"]["start"], same["range"]["stop"]) == (1_699_920_000, 1_699_963_200)
    capacity = report(demo, "capacity", pool="gpu")
    assert [each["key"] for each in capacity["pools"]] == ["all", "gpu"]


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"from": "nan"},
        {"from": "0"},
        {"to": "1e999"},
        {"to": "9999-12-31T23:59:59-23:59", "from": "9999-12-31T00:00:00+23:59"},
        {"from": "1700000000", "to": "1699999000"},
    ],
)
def test_an_invalid_range_is_refused(demo: TestClient, name: str, query: dict[str, str]) -> None:
    response = demo.get(f"/api/v1/fleet/{name}", params=query)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["remedy"]


def test_an_invalid_parameter_or_cursor_is_refused(demo: TestClient) -> None:
    assert demo.get("/api/v1/fleet/interruptions?by=owner").status_code == 422
    assert demo.get("/api/v1/fleet/machines?limit=0").status_code == 422
    assert demo.get("/api/v1/fleet/machines?after=zzzz").status_code == 400


@pytest.mark.parametrize("name", REPORTS)
def test_an_empty_fleet_has_empty_reports(empty: tuple[TestClient, Ledger], name: str) -> None:
    client, _ = empty
    assert report(client, name)["range"]["demonstration"] == ""
    assert client.get(f"/api/v1/fleet/{name}?format=csv").status_code == 200


def test_a_simulation_is_compared_with_the_range(empty: tuple[TestClient, Ledger], tmp_path: Path) -> None:
    client, _ = empty
    assert report(client, "simulation")["simulation"] is None
    write_simulation(tmp_path / ".eddyline" / "simulation.json", policy("=1"))
    found = report(client, "simulation")["simulation"]
    assert (found["name"], found["policies"][0]["figures"]["p99_s"]["measured_is"]) == ("calm", "")
    rows = table(client, "simulation")
    assert {row["policy"] for row in rows} == {"'=1"}
    assert {row["figure"] for row in rows} >= {"saved_own", "spot_share", "p99_s"}


def test_cells_are_not_formulas_and_unknown_values_say_so(empty: tuple[TestClient, Ledger]) -> None:
    client, ledger = empty
    at = ledger.now() - 3000
    event = FleetEvent(
        id="e",
        instance="=HYPERLINK(1)",
        kind=FleetEventKind.LAUNCHED,
        at=at,
        pool="cpu",
        instance_type="@SUM(1)",
        lifecycle="spot",
    )
    ledger.fleet.store([event], fold=fold)
    (row,) = table(client, "machines")
    assert (row["instance"], row["instance_type"], row["zone"]) == ("'=HYPERLINK(1)", "'@SUM(1)", "not known")
    assert row["launched"].endswith("Z")
    (group,) = report(client, "interruptions", by="zone")["groups"]
    assert group["key"] == "not known"
    assert table(client, "interruptions")[0]["group"] == "'@SUM(1)"


def test_the_page_is_for_administrators_and_has_no_inline_scripts(tmp_path: Path, demo: TestClient) -> None:
    page = demo.get("/fleet?range=30d")
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert " style=" not in page.text
    services = open_services(tmp_path, local=False)
    with client_of(services) as client:
        assert client.get("/fleet", follow_redirects=False).status_code in {302, 303, 307, 401}
        for name in REPORTS:
            assert client.get(f"/api/v1/fleet/{name}").status_code == 401
    services.ledger.close()
