"""Plans, lookups and the list of uploads: what a client needs beside the tus protocol."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import insert
from starlette.testclient import TestClient
from tests.unit.web.tus_client import UPLOADS, VIDEO, TusClient
from tests.unit.web.web_app import client_of, open_services

from eddyline.graph.db.library_schema import assets
from eddyline.library.uploads.existing_assets import asset_of
from eddyline.media.ladder.profile import load_profile
from eddyline.web.services import Services

PRINT = "ab" * 32


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    services = open_services(tmp_path_factory.mktemp("library"))
    yield services
    services.ledger.close()


@pytest.fixture(scope="module")
def http(services: Services) -> Iterator[TestClient]:
    with client_of(services) as client:
        yield client


def plan(http: TestClient, *paths: str, size: int = 5) -> dict[str, Any]:
    response = http.post(f"{UPLOADS}/plan", json={"files": [{"path": each, "size": size} for each in paths]})
    assert response.status_code == 200, response.text
    return dict(response.json())


def look_up(http: TestClient, *fingerprints: str, **values: Any) -> dict[str, Any]:
    response = http.post(f"{UPLOADS}/lookup", json={"fingerprints": list(fingerprints), **values})
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_a_plan_groups_chapters_and_skips_other_files(http: TestClient) -> None:
    found = plan(
        http,
        "DCIM/100GOPRO/GX020042.MP4",
        "DCIM/100GOPRO/GX010042.THM",
        "DCIM/100GOPRO/GX010042.MP4",
        "DCIM/100GOPRO/GX010043.MP4",
        "notes.txt",
        ".DS_Store",
        "holiday.mov",
    )
    assert sorted(found["recordings"]) == [[2, 0], [3], [6]]
    assert {each["file"]: each["reason"] for each in found["skipped"]} == {
        1: "the camera's thumbnail of a clip",
        4: "a sidecar file",
        5: "a hidden file",
    }


def test_a_plan_refuses_empty_repeated_and_large_files(http: TestClient) -> None:
    assert plan(http, "a.mp4", size=0)["skipped"][0]["reason"] == "the file is empty"
    assert plan(http, "a.mp4", "a.mp4")["skipped"] == [
        {"file": 1, "reason": "the same file was chosen twice"}
    ]
    assert "accepts at most" in plan(http, "a.mp4", size=2**50)["skipped"][0]["reason"]


def test_a_plan_is_bounded(http: TestClient) -> None:
    files = [{"path": "a.mp4", "size": 1}] * 10_001
    assert http.post(f"{UPLOADS}/plan", json={"files": files}).status_code == 422


def test_an_unknown_file_is_unknown(http: TestClient) -> None:
    assert look_up(http, "cd" * 32) == {
        "asset": None,
        "state": None,
        "uploads": [],
        "reason": None,
        "remedy": None,
    }


def test_an_unfinished_upload_is_found_by_its_fingerprint(http: TestClient) -> None:
    tus = TusClient(http)
    path = tus.created(len(VIDEO), VIDEO[:100], fingerprint=PRINT)
    assert [each["offset"] for each in look_up(http, PRINT)["uploads"]] == [100]
    assert look_up(http, PRINT, "cd" * 32)["uploads"] == []  # a recording in two files is another upload
    tus.delete(path)
    assert look_up(http, PRINT)["uploads"] == []


@pytest.mark.parametrize("prints", [("1a" * 32,), ("2a" * 32, "2b" * 32)])
def test_an_asset_of_the_owner_is_found_by_fingerprints(
    http: TestClient, services: Services, prints: tuple[str, ...]
) -> None:
    asset = asset_of(prints, load_profile("default"), "")
    add_asset(services, asset, owner="")
    assert look_up(http, *prints)["asset"] == asset
    assert look_up(http, *prints)["state"] == "ready"


def test_an_asset_of_another_owner_is_not_found(http: TestClient, services: Services) -> None:
    add_asset(services, asset_of(["3a" * 32], load_profile("default"), "ann"), owner="ann")
    assert look_up(http, "3a" * 32)["asset"] is None


def test_the_first_bytes_are_checked(http: TestClient) -> None:
    jpeg = base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(100)).decode()
    found = look_up(http, "4a" * 32, head=jpeg)
    assert "JPEG" in found["reason"]
    assert found["remedy"]
    assert look_up(http, "4a" * 32, head=base64.b64encode(VIDEO[:4096]).decode())["reason"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"fingerprints": []},
        {"fingerprints": ["x"]},
        {"fingerprints": [PRINT], "profile": "/etc/passwd"},
        {"fingerprints": [PRINT], "head": "!"},
        {"fingerprints": [PRINT] * 100},
    ],
)
def test_an_invalid_lookup_is_refused(http: TestClient, body: dict[str, Any]) -> None:
    assert http.post(f"{UPLOADS}/lookup", json=body).status_code in {400, 422}


def test_uploads_are_listed_and_can_be_submitted_early(http: TestClient) -> None:
    tus = TusClient(http)
    path = tus.created(len(VIDEO), VIDEO, recording="recording-9", part="0", parts="2")
    listed = http.get(UPLOADS).json()
    assert [(each["state"], each["part"], each["parts"]) for each in listed] == [("complete", 0, 2)]
    assert http.post(f"{path}/submit").json()["state"] == "storing"
    assert http.post(f"{UPLOADS}/{'0' * 32}/submit").status_code == 404


def add_asset(services: Services, asset: str, *, owner: str) -> None:
    row = {
        "asset": asset,
        "owner": owner,
        "name": "a.mp4",
        "state": "ready",
        "created": 0.0,
        "updated": 0.0,
        "profile": "default",
        "source": "/a.mp4",
        "progress": 1.0,
    }
    services.ledger.write(lambda c: c.execute(insert(assets).values(row)))
