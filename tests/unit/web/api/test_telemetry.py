from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from starlette.testclient import TestClient
from tests.unit.library.telemetry.published_assets import ASSET, publish, recording
from tests.unit.web.catalogue_rows import add_asset
from tests.unit.web.web_app import client_of, open_services

from eddyline import gpmf
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.export.tables import build_table

ABSENT, DELETED = "f" * 16, "e" * 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("telemetry")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    services = open_services(folder)
    add_asset(services, ABSENT, state="processing")
    publish(services.store, folder, recording(1), asset=DELETED)
    add_asset(services, DELETED, state="deleting")
    publish(services.store, folder, recording(60))
    add_asset(services, ASSET)
    with client_of(services) as client:
        yield client
    services.ledger.close()


def test_streams_are_listed(client: TestClient) -> None:
    body = client.get(f"/api/v1/assets/{ASSET}/telemetry").json()
    assert {each["stream"]: each["samples"] for each in body["streams"]} == {
        "ACCL": 12_000,
        "GPS5": 1080,
        "SHUT": 1800,
    }
    assert body["track"] == {
        "stream": "GPS5",
        "altitude_reference": "WGS 84 ellipsoid",
        "samples": 1080,
        "good": 1044,
    }


def test_a_range_has_the_values_of_the_command(client: TestClient, folder: Path) -> None:
    url = f"/api/v1/assets/{ASSET}/telemetry/ACCL"
    body = client.get(url, params={"from": 10, "to": 11, "points": 1000}).json()
    telemetry = gpmf.read(folder / "movie.mp4")
    table = build_table(telemetry, telemetry.streams["ACCL"], Selection(start_s=10, end_s=11))
    assert body["times"] == table.times.tolist()
    assert (body["samples"], body["reduced"]) == (len(table.times), False)
    for element, column in zip(body["elements"], table.columns, strict=True):
        assert (element["name"], element["unit"]) == (column.name, column.unit)
        values = orjson.loads(orjson.dumps(column.values, option=orjson.OPT_SERIALIZE_NUMPY))
        assert element["min"] == element["max"] == values


def test_a_long_range_is_reduced_to_pairs(client: TestClient, folder: Path) -> None:
    body = client.get(f"/api/v1/assets/{ASSET}/telemetry/ACCL", params={"points": 100}).json()
    assert (len(body["times"]), body["samples"], body["reduced"]) == (50, 12_000, True)
    telemetry = gpmf.read(folder / "movie.mp4")
    column = build_table(telemetry, telemetry.streams["ACCL"], Selection()).columns[1].values
    assert (min(body["elements"][1]["min"]), max(body["elements"][1]["max"])) == (min(column), max(column))


def test_the_track_is_simplified(client: TestClient) -> None:
    body = client.get(f"/api/v1/assets/{ASSET}/telemetry/track", params={"points": 50}).json()
    assert 50 <= len(body["times"]) <= 70
    assert (body["good_samples"], body["samples"]) == (1044, 1080)
    assert body["top_speed_m_s"] == pytest.approx(6.0, abs=0.01)
    bad = [
        (fix, dop) for fix, dop, good in zip(body["fix"], body["dop"], body["good"], strict=True) if not good
    ]
    assert set(bad) == {(0, 1.41), (3, 9.0)}


@pytest.mark.parametrize(
    "path",
    [
        f"{ASSET}/telemetry/MAGN",
        f"{ASSET}/telemetry/%00",
        f"{ABSENT}/telemetry",  # not published yet
        f"{ABSENT}/telemetry/ACCL",
        f"{ABSENT}/telemetry/track",
        f"{DELETED}/telemetry",
        "1111111111111111/telemetry",
        "x/telemetry/ACCL",
    ],
)
def test_what_does_not_exist_is_not_found(client: TestClient, path: str) -> None:
    response = client.get(f"/api/v1/assets/{path}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("query", ["points=1", "points=20001", "from=nan", "to=inf", "from=x"])
def test_invalid_ranges_are_refused(client: TestClient, query: str) -> None:
    response = client.get(f"/api/v1/assets/{ASSET}/telemetry/ACCL?{query}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["in"] == "query"
