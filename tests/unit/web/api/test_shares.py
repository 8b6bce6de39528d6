from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.unit.web.catalogue_rows import ASSET
from tests.unit.web.published_asset import publish
from tests.unit.web.web_app import bearer, client_of, open_services

from eddyline.web.services import Services

SHARES = f"/api/v1/assets/{ASSET}/shares"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = open_services(tmp_path, local=False)
    publish(opened)
    yield opened
    opened.ledger.close()


@pytest.fixture
def client(services: Services) -> TestClient:
    found = client_of(services)
    found.headers.update(bearer(services, owner="ann", scope="write"))
    return found


def create(client: TestClient, **body: object) -> Any:
    return client.post(SHARES, json=body)


def test_a_link_is_created_listed_and_revoked(client: TestClient) -> None:
    created = create(client).json()
    assert created["url"].startswith("http://testserver/s/")
    assert (created["location"], created["downloads"], created["valid"]) == (False, False, True)
    secret = created.pop("url").rsplit("/", 1)[1]
    for path in (SHARES, "/api/v1/shares"):
        listed = client.get(path)
        assert listed.json() == {"shares": [created]}
        assert secret not in listed.text
    assert client.delete(f"/api/v1/shares/{created['id']}").status_code == 204
    (revoked,) = client.get(SHARES).json()["shares"]
    assert revoked["revoked"] is not None
    assert not revoked["valid"]


def test_a_link_expires_after_a_month_unless_another_time_is_given(client: TestClient) -> None:
    times = [create(client, **body).json() for body in ({}, {"expires_s": 3600}, {"expires_s": None})]
    assert times[2]["expires"] is None
    assert [each["expires"] > each["created"] for each in times[:2]] == [True, True]
    assert times[1]["expires"] < times[0]["expires"]


@pytest.mark.parametrize(
    "body", [{"expires_s": 1}, {"expires_s": 10**12}, {"location": "maybe"}, {"secret": "x"}]
)
def test_invalid_requests_are_refused(client: TestClient, body: dict[str, object]) -> None:
    assert create(client, **body).status_code == 422


def test_downloads_without_location_are_refused_if_the_renditions_may_show_it(client: TestClient) -> None:
    refused = create(client, downloads=True)
    assert refused.status_code == 409
    assert "strip-location" in refused.json()["remedy"]
    assert create(client, downloads=True, location=True).status_code == 201


def test_downloads_of_an_asset_without_telemetry_are_accepted(services: Services, client: TestClient) -> None:
    nothing = {"payloads": None, "udta": None}
    other = publish(services, asset="f" * 16, telemetry=nothing, subtitles=[])
    assert client.post(f"/api/v1/assets/{other}/shares", json={"downloads": True}).status_code == 201


def test_the_address_has_the_configured_origin(services: Services) -> None:
    settings = replace(services.settings, origin="https://media.example.com")
    client = client_of(replace(services, settings=settings))
    headers = bearer(services, owner="ann", scope="write")
    url = client.post(SHARES, json={}, headers=headers).json()["url"]
    assert url.startswith("https://media.example.com/s/")


def test_other_owners_neither_list_nor_create_nor_revoke(services: Services, client: TestClient) -> None:
    share = create(client).json()["id"]
    other = bearer(services, owner="bob", scope="write")
    absent = client.delete("/api/v1/shares/absent", headers=other)
    for response in (
        client.get(SHARES, headers=other),
        client.post(SHARES, json={}, headers=other),
        client.delete(f"/api/v1/shares/{share}", headers=other),
    ):
        assert (response.status_code, response.content) == (404, absent.content)
    assert client.get("/api/v1/shares", headers=other).json() == {"shares": []}
    assert client.get("/api/v1/shares", headers=bearer(services)).json()["shares"][0]["id"] == share
