"""What work cost, over the API."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.unit.app.accounts import accounted_fleet
from tests.unit.app.accounts.accounted_fleet import ANN, BEA, HOUR, IDLE, NOW
from tests.unit.web.web_app import bearer, client_of, open_services

from eddyline.app.accounts import recent_costs
from eddyline.app.accounts.fleet_costs import By
from eddyline.core.clock import ManualClock
from eddyline.web.services import Services


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    opened = open_services(tmp_path_factory.mktemp("costs"))
    assert isinstance(opened.clock, ManualClock)
    opened.clock.advance(NOW - opened.clock.now())
    accounted_fleet.fill(opened.ledger)
    yield opened
    opened.ledger.close()


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient]:
    with client_of(services) as opened:
        yield opened


def _get(client: TestClient, path: str, **query: Any) -> Any:
    response = client.get(f"/api/v1{path}", params=query)
    assert response.status_code == 200, response.text
    return response.json()


def test_costs_of_an_asset(client: TestClient) -> None:
    found = _get(client, f"/assets/{ANN}/cost")
    assert found["total"]["cost"] == {
        "listed_nanousd": 855_000_000,
        "billed_nanousd": 850_000_000,
        "listed_usd": 0.855,
        "billed_usd": 0.85,
    }
    assert found["minute"]["billed_nanousd"] == 1_700_000_000
    assert len(found["jobs"]) == 6
    assert _get(client, f"/assets/{IDLE}/cost")["total"]["cost"] is None
    assert client.get(f"/api/v1/assets/{'d' * 16}/cost").status_code == 404


def test_an_asset_on_busy_instances_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_costs, "MAX_STARTS", 2)
    response = client.get(f"/api/v1/assets/{BEA}/cost")
    assert response.status_code == 400
    assert response.json()["remedy"] == f"run `eddyline cost {BEA}`"


def test_costs_of_the_fleet(client: TestClient) -> None:
    found = _get(client, "/fleet/costs", by="owner", limit=1)
    assert (found["group_count"], [each["key"] for each in found["groups"]]) == (2, ["ann"])
    machines = found["machines"]
    parts = [machines[name]["billed_nanousd"] for name in ("starts", "boot", "idle", "drain")]
    assert sum(parts) == machines["instance_cost"]["billed_nanousd"] == 3_600_000_000
    owner = _get(client, "/fleet/costs", by="kind", owner="bea")
    assert [each["key"] for each in owner["groups"]] == ["chunk"]
    past = _get(client, "/fleet/costs", **{"from": NOW - 24 * HOUR, "to": NOW - 10 * HOUR + 800})
    assert past["machines"]["instance_cost"]["billed_nanousd"] == 800_000_000


def test_the_csv_has_the_same_numbers(client: TestClient) -> None:
    response = client.get("/api/v1/fleet/costs", params={"by": "kind", "format": "csv"})
    assert response.headers["content-disposition"] == 'attachment; filename="costs.csv"'
    rows = list(csv.DictReader(io.StringIO(response.text)))
    groups = _get(client, "/fleet/costs", by="kind")["groups"]
    assert [row["group"] for row in rows] == [each["key"] for each in groups]
    for row, each in zip(rows, groups, strict=True):
        assert row["starts"] == str(each["work"]["starts"])
        cost = each["work"]["cost"]
        assert row["cost_listed_nanousd"] == ("" if cost is None else str(cost["listed_nanousd"]))


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"from": "yesterday"}, 400),
        ({"from": NOW + 5}, 400),
        ({"from": NOW - 800 * 86_400}, 400),
        ({"by": "colour"}, 422),
        ({"limit": 0}, 422),
    ],
)
def test_wrong_requests(client: TestClient, query: dict[str, Any], status: int) -> None:
    assert client.get("/api/v1/fleet/costs", params=query).status_code == status


def test_reports_are_kept_for_a_minute(services: Services) -> None:
    clock = services.clock
    assert isinstance(clock, ManualClock)
    start = clock.now() - 20 * HOUR
    first = services.costs.fleet(start, None, by=By.ASSET, owner=None)
    assert services.costs.fleet(start, None, by=By.ASSET, owner=None) is first
    clock.advance(recent_costs.KEEP_S)
    assert services.costs.fleet(start, None, by=By.ASSET, owner=None) is not first


def test_owners_see_only_their_own_assets(tmp_path: Path) -> None:
    services = open_services(tmp_path, local=False)
    accounted_fleet.fill(services.ledger)
    ann = bearer(services, owner="ann", scope="read")
    with client_of(services) as client:
        assert client.get(f"/api/v1/assets/{ANN}/cost", headers=ann).status_code == 200
        assert client.get(f"/api/v1/assets/{BEA}/cost", headers=ann).status_code == 404
        assert client.get("/api/v1/fleet/costs", headers=ann).status_code == 403
    services.ledger.close()
