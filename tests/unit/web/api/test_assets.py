from __future__ import annotations

import csv
import io
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from starlette.testclient import TestClient
from tests.unit.web.catalogue_rows import ASSET, add_asset
from tests.unit.web.web_app import client_of

from eddyline.graph.db.library_schema import assets as table
from eddyline.graph.job import NewJob
from eddyline.pipeline.submission.submit import submit
from eddyline.web import new_assets
from eddyline.web.api import assets as assets_api
from eddyline.web.auth.dependencies import authenticate
from eddyline.web.auth.principal import Principal, Scope
from eddyline.web.services import Services


def client_for(services: Services, principal: Principal) -> TestClient:
    client = client_of(services)
    client.app.dependency_overrides[authenticate] = lambda: principal  # type: ignore[attr-defined]
    return client


def add_many(services: Services, count: int, **values: Any) -> list[str]:
    return [
        add_asset(services, f"{n:016x}", created=1000.0 + n, name=f"GX{n:06}.MP4", **values)
        for n in range(count)
    ]


def test_a_walk_during_inserts_and_deletes_lists_every_older_asset_once(
    services: Services, client: TestClient
) -> None:
    ids = add_many(services, 20)
    seen, query = [], "/api/v1/assets?limit=3"
    for turn in range(100):
        response = client.get(query)
        seen += [each["asset"] for each in response.json()["assets"]]
        if "link" not in response.headers:
            break
        query = response.headers["link"].split(">")[0].removeprefix("<")
        add_asset(services, f"{100 + turn:016x}", created=5000.0 + turn)  # newer: not in this walk
        gone = seen[-1]
        services.ledger.write(lambda c, gone=gone: c.execute(delete(table).where(table.c.asset == gone)))  # type: ignore[misc]
    assert seen == ids[::-1]


def test_assets_are_found_by_text_state_and_place(services: Services, client: TestClient) -> None:
    add_many(services, 3)
    add_asset(
        services,
        ASSET,
        name="Soca ride.MP4",
        state="failed",
        camera="HERO11 Black",
        captured=500.0,
        min_lat=46.3,
        max_lat=46.4,
        min_lon=13.5,
        max_lon=13.6,
    )
    for query in (
        "q=soca+hero",
        "state=failed&state=cancelled",
        "camera=HERO11+Black",
        "captured_from=500&captured_to=501",
        "box=13.55,46.35,14,47",
    ):
        found = client.get(f"/api/v1/assets?{query}").json()["assets"]
        assert [each["asset"] for each in found] == [ASSET], query
    assert client.get("/api/v1/assets?counts=true&q=MP4").json()["counts"] == {
        "processing": 0,
        "ready": 3,
        "failed": 1,
        "cancelled": 0,
        "deleting": 0,
    }


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=501", 422),
        ("state=lost", 422),
        ("after=x", 400),
        ("after=x&format=csv", 400),
        ("q=%00", 400),
        ("camera=%00", 400),
        ("box=1,2,3", 400),
        ("box=nan,0,0,0", 400),
        ("box=0,50,10,40", 400),
        ("captured_from=nan", 422),
        ("captured_from=1e300", 422),
        ("order=name", 422),
    ],
)
def test_invalid_filters_are_refused(client: TestClient, query: str, status: int) -> None:
    response = client.get(f"/api/v1/assets?{query}")
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


def test_an_owner_sees_its_assets_and_not_the_address_of_their_sources(services: Services) -> None:
    add_asset(services, ASSET, owner="ann")
    add_asset(services, "f" * 16, owner="bob")
    ann = client_for(services, Principal(owner="ann", scope=Scope.WRITE))
    (found,) = ann.get("/api/v1/assets").json()["assets"]
    assert (found["asset"], found["source"]) == (ASSET, None)
    assert ann.get("/api/v1/assets?owner=bob").status_code == 403
    assert ann.get(f"/api/v1/assets/{'f' * 16}").json() == ann.get(f"/api/v1/assets/{'e' * 16}").json()
    admin = client_for(services, Principal(owner="", scope=Scope.ADMIN))
    assert [each["asset"] for each in admin.get("/api/v1/assets?owner=bob").json()["assets"]] == ["f" * 16]
    assert len(admin.get("/api/v1/assets").json()["assets"]) == 2


def test_all_assets_are_exported_as_csv(
    services: Services, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets_api, "_CSV_PAGE", 2)
    ids = add_many(services, 5, camera="=HYPERLINK(1)")
    response = client.get("/api/v1/assets", headers={"Accept": "text/csv"})
    assert response.headers["content-disposition"] == 'attachment; filename="assets.csv"'
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    assert [row["asset"] for row in rows] == ids[::-1]
    assert {row["camera"] for row in rows} == {"'=HYPERLINK(1)"}


def test_an_asset_has_links_a_failure_and_its_manifest(services: Services, client: TestClient) -> None:
    add_asset(services, ASSET, poster="pictures/poster.jpg")
    services.store.put_bytes(
        f"assets/{ASSET}/manifest.json", b'{"version":3,"renditions":[],"run":{"host":"secret"}}'
    )
    found = client.get(f"/api/v1/assets/{ASSET}").json()
    assert found["manifest"] == {"version": 3, "renditions": []}
    assert found["links"]["poster"] == f"/media/{ASSET}/pictures/poster.jpg"
    assert client.get(found["links"]["manifest"]).json()["version"] == 3
    failed = add_asset(
        services, "f" * 16, state="failed", failure='{"error":"InputError","message":"no video","remedy":"r"}'
    )
    found = client.get(f"/api/v1/assets/{failed}").json()
    assert (found["failure"]["message"], found["manifest"]) == ("no video", None)
    assert "manifest" not in found["links"]


def test_an_asset_in_progress_has_a_reason(services: Services, client: TestClient) -> None:
    add_asset(services, ASSET, state="processing", progress=0.25)
    services.ledger.submit([NewJob(id=f"{ASSET}-1", asset=ASSET, kind="inspect", pool="cpu", spec={})])
    for found in (
        client.get(f"/api/v1/assets/{ASSET}").json()["progress"],
        client.get("/api/v1/assets").json()["assets"][0]["progress"],
    ):
        assert found["fraction"] == 0.25
        assert "no worker" in found["reason"]


# Creation


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file that stands for an object of a bucket that the owner may import."""
    path = tmp_path / "object.mp4"
    path.write_bytes(b"not a video: the worker that inspects it will say so")
    monkeypatch.setattr(new_assets, "checked_import", lambda *_, **__: str(path))
    monkeypatch.setattr(new_assets, "find_object", lambda address: address)
    return "s3://footage/object.mp4"


def test_an_object_becomes_an_asset_and_the_same_one_again(
    services: Services, client: TestClient, source: str
) -> None:
    first = client.post("/api/v1/assets", json={"key": source, "urgency": "bulk", "deadline": 1.8e9})
    assert first.status_code == 202
    asset = first.json()["asset"]
    assert first.headers["location"] == f"/api/v1/assets/{asset}"
    (job,) = services.ledger.jobs(asset=asset)
    assert (job.kind, job.owner) == ("inspect", "")
    assert client.post("/api/v1/assets", json={"key": source}).json()["asset"] == asset
    assert len(services.ledger.jobs(asset=asset)) == 1


def test_an_administrator_creates_assets_of_other_owners(services: Services, source: str) -> None:
    ann = client_for(services, Principal(owner="ann", scope=Scope.WRITE))
    assert ann.post("/api/v1/assets", json={"key": source, "owner": "bob"}).status_code == 403
    admin = client_for(services, Principal(owner="", scope=Scope.ADMIN))
    asset = admin.post("/api/v1/assets", json={"key": source, "owner": "bob"}).json()["asset"]
    own = admin.post("/api/v1/assets", json={"key": source}).json()["asset"]
    assert own != asset
    assert services.ledger.jobs(asset=asset)[0].owner == "bob"


def test_a_repeated_request_is_done_once(
    services: Services, client: TestClient, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.setattr(new_assets, "submit", lambda *a, **k: calls.append(1) or submit(*a, **k))  # type: ignore[func-returns-value]
    headers = {"Idempotency-Key": "5c1d6b5e"}
    first = client.post("/api/v1/assets", json={"key": source}, headers=headers)
    again = client.post("/api/v1/assets", json={"key": source}, headers=headers)
    assert (again.status_code, again.json(), len(calls)) == (202, first.json(), 1)
    assert again.headers["location"] == first.headers["location"]
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (
        None,
        "true",
    )
    other = client.post("/api/v1/assets", json={"key": source, "urgency": "bulk"}, headers=headers)
    assert other.status_code == 422
    assert other.json()["remedy"] == "use a new key for another request"
    bob = client_for(services, Principal(owner="bob", scope=Scope.WRITE))
    assert bob.post("/api/v1/assets", json={"key": source}, headers=headers).status_code == 202
    assert len(calls) == 2


def test_a_request_that_still_runs_is_a_conflict(
    client: TestClient, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(*arguments: Any, **options: Any) -> Any:
        started.set()
        assert go_on.wait(10)
        return submit(*arguments, **options)

    monkeypatch.setattr(new_assets, "submit", slow)
    headers, found = {"Idempotency-Key": "k"}, []
    thread = threading.Thread(
        target=lambda: found.append(client.post("/api/v1/assets", json={"key": source}, headers=headers))
    )
    thread.start()
    assert started.wait(10)
    conflict = client.post("/api/v1/assets", json={"key": source}, headers=headers)
    go_on.set()
    thread.join()
    assert (conflict.status_code, conflict.headers["retry-after"]) == (409, "2")
    assert found[0].status_code == 202


@pytest.mark.parametrize("key", ["a b", "x" * 256, "é"])
def test_an_invalid_idempotency_key_is_refused(client: TestClient, source: str, key: str) -> None:
    response = client.post("/api/v1/assets", json={"key": source}, headers={b"Idempotency-Key": key.encode()})
    assert response.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"key": "s3://a/b", "url": "https://example.com/a.mp4"},
        {"key": "/etc/passwd"},
        {"key": "file:///etc/passwd"},
        {"key": "s3://other/secret.mp4"},
        {"key": "s3://a/b", "profile": "/etc/passwd"},
        {"key": "s3://a/b", "deadline": 1e30},
        {"key": "s3://a/b", "name": "x"},
        {"key": "s3://a/b", "unknown": 1},
        {"url": "https://example.com/a.mp4", "name": "../x"},
    ],
)
def test_what_may_not_be_imported_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    response = client.post("/api/v1/assets", json=body)
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")


def test_an_unknown_profile_is_refused(client: TestClient, source: str) -> None:
    response = client.post("/api/v1/assets", json={"key": source, "profile": "absent"})
    assert response.status_code == 422
    assert "default" in response.json()["remedy"]


def test_an_upload_is_submitted_when_it_is_complete(client: TestClient) -> None:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "4096"}
    location = client.post("/api/v1/uploads", headers=headers).headers["location"]
    upload = location.rsplit("/", 1)[-1]
    early = client.post("/api/v1/assets", json={"upload": upload})
    assert (early.status_code, early.json()["detail"]) == (409, "the upload is not complete")
    data = b"\0\0\0\x18ftypmp42" + bytes(4084)
    client.patch(
        location,
        content=data,
        headers={
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": "0",
            "Content-Type": "application/offset+octet-stream",
        },
    )
    done = client.post("/api/v1/assets", json={"upload": upload})
    assert (done.status_code, done.json()["asset"], done.headers["location"]) == (202, None, location)
    assert client.get(location).json()["state"] == "storing"
    absent = client.post("/api/v1/assets", json={"upload": "absent"})
    assert (absent.status_code, absent.json()["detail"]) == (404, "the resource does not exist")


def test_a_processing_asset_links_its_preview_once_there_is_one(
    services: Services, client: TestClient
) -> None:
    add_asset(services, state="processing")
    path = f"/api/v1/assets/{ASSET}"
    assert "preview" not in client.get(path).json()["links"]
    services.store.put_bytes(f"assets/{ASSET}/stream/preview.m3u8", b"#EXTM3U\n")
    link = client.get(path).json()["links"]["preview"]
    assert client.get(link).content == b"#EXTM3U\n"


def test_a_published_asset_links_no_preview(services: Services, client: TestClient) -> None:
    add_asset(services)
    services.store.put_bytes(f"assets/{ASSET}/stream/preview.m3u8", b"#EXTM3U\n")
    assert "preview" not in client.get(f"/api/v1/assets/{ASSET}").json()["links"]
