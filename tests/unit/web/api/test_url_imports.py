"""POST /api/v1/assets with a URL: the server imports the file as an upload, from public addresses only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.unit.library.test_imports import VIDEO, WebServer, serve_video
from tests.unit.web.web_app import bearer, client_of, open_services

from eddyline.core.backoff import BackoffPolicy
from eddyline.core.stop import Stop
from eddyline.store import http_ranges
from eddyline.web import new_assets
from eddyline.web.background_work import open_importer
from eddyline.web.services import Services


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setattr(http_ranges, "_BACKOFF", BackoffPolicy(base_s=0.001, cap_s=0.002))
    with serve_video() as running:
        yield running


@pytest.fixture
def services(tmp_path: Path, server: WebServer) -> Iterator[Services]:
    """Services whose operator allows imports from `server`."""
    found = open_services(tmp_path)
    settings = replace(found.shared.settings, outbound_hosts=frozenset({server.host}))
    yield replace(found, shared=replace(found.shared, settings=settings))
    found.ledger.close()


def test_a_url_becomes_an_upload_that_the_server_downloads(
    services: Services, client: TestClient, server: WebServer
) -> None:
    response = client.post("/api/v1/assets", json={"url": server.url, "profile": "fast"})
    upload = response.json()["upload"]
    location = f"/api/v1/uploads/{upload}"
    assert (response.status_code, response.headers["location"]) == (202, location)
    assert response.json() == {"asset": None, "upload": upload, "links": {"upload": location}}
    assert open_importer(services).run_once(Stop()) == 1
    found = client.get(location).json()
    assert (found["state"], found["name"], found["profile"]) == ("complete", "GX010042.MP4", "fast")
    assert (found["offset"], found["length"]) == (len(VIDEO), len(VIDEO))


def test_an_import_belongs_to_its_owner_and_has_the_name_that_the_client_gives(
    services: Services, server: WebServer
) -> None:
    with client_of(services) as client:
        ann, bob = (bearer(services, owner=each, scope="write") for each in ("ann", "bob"))
        admin = bearer(services, scope="admin")
        body = {"url": server.url, "name": "Ride.MP4"}
        location = client.post("/api/v1/assets", json=body, headers=ann).headers["location"]
        assert client.get(location, headers=ann).json()["name"] == "Ride.MP4"
        assert client.get(location, headers=bob).status_code == 404
        foreign = {**body, "owner": "bob"}
        assert client.post("/api/v1/assets", json=foreign, headers=ann).status_code == 403
        location = client.post("/api/v1/assets", json=foreign, headers=admin).headers["location"]
        assert client.get(location, headers=bob).status_code == 200


def test_a_repeated_request_imports_once(client: TestClient, server: WebServer) -> None:
    headers = {"Idempotency-Key": "one"}
    first, second = (
        client.post("/api/v1/assets", json={"url": server.url}, headers=headers) for _ in range(2)
    )
    assert first.json() == second.json()
    assert len(client.get("/api/v1/uploads").json()) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/a.mp4",
        "http://127.0.0.1:8443/a.mp4",
        "http://[::ffff:7f00:1]:8443/a.mp4",
        "http://0x7f.1:8443/a.mp4",
        "http://169.254.169.254/latest/meta-data",
        "http://user:secret@127.0.0.1:8443/a.mp4",
        "ftp://example.com/a.mp4",
        "file:///etc/passwd",
        "https://",
        "https://[::1",
        "GX010001.MP4",
        "",
    ],
)
def test_private_addresses_and_invalid_urls_are_refused_with_a_remedy(client: TestClient, url: str) -> None:
    response = client.post("/api/v1/assets", json={"url": url})
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")
    assert response.json()["remedy"]
    assert "secret" not in response.text
    assert client.get("/api/v1/uploads").json() == []


def test_what_the_other_server_sends_decides_the_answer(client: TestClient, server: WebServer) -> None:
    server.data = b"<html>" + bytes(100_000)
    response = client.post("/api/v1/assets", json={"url": server.url})
    assert response.status_code == 415
    assert response.json()["remedy"]

    def broken(_start: int) -> None:
        raise ConnectionAbortedError

    server.before = broken
    response = client.post("/api/v1/assets", json={"url": server.url})
    assert response.status_code == 503
    assert response.json()["remedy"]
    assert "signature" not in response.text


@pytest.mark.parametrize("more", [{"urgency": "bulk"}, {"deadline": 1.8e9}, {"profile": "/etc/passwd"}])
def test_what_an_import_does_not_support_is_refused_before_the_url_is_read(
    client: TestClient, server: WebServer, more: dict[str, object]
) -> None:
    assert client.post("/api/v1/assets", json={"url": server.url, **more}).status_code == 422
    assert server.starts == []


def test_slow_servers_do_not_take_all_threads(
    client: TestClient, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = threading.BoundedSemaphore(1)
    taken.acquire()
    monkeypatch.setattr(new_assets, "_starting", taken)
    response = client.post("/api/v1/assets", json={"url": server.url})
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert server.starts == []
