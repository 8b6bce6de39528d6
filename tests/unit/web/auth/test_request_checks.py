from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import Request
from starlette.testclient import TestClient
from tests.unit.web.tus_client import VIDEO, TusClient
from tests.unit.web.web_app import bearer

from eddyline.web.application import create_app
from eddyline.web.auth.request_checks import MAX_BODY, check_host
from eddyline.web.services import Services, WebSettings


def client_of(services: Services) -> TestClient:
    app = create_app(services)

    @app.post("/api/v1/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    @app.post("/api/v1/uploads/echo")
    async def upload(request: Request) -> int:
        return len(await request.body())

    return TestClient(app)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::2]:80"],
)
def test_a_request_for_another_host_is_refused(services: Services, host: str) -> None:
    response = client_of(services).get("/api/v1/tokens", headers={"Host": host})
    assert response.status_code == 421
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("host", "hosts", "origin", "accepted"),
    [
        ("localhost:8080", ("localhost",), "", True),
        ("LOCALHOST", ("localhost",), "", True),
        ("[::1]:8080", ("[::1]",), "", True),
        ("media.example.com", ("localhost",), "https://media.example.com", True),
        ("other.example.com", ("localhost",), "https://media.example.com", False),
        ("anything", ("*",), "", True),
        ("", ("localhost",), "", False),
    ],
)
def test_the_accepted_hosts(host: str, hosts: tuple[str, ...], origin: str, *, accepted: bool) -> None:
    settings = WebSettings(local=True, data=Path(), hosts=hosts, origin=origin)
    assert (check_host(host, settings) is None) is accepted


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # not a browser
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"}, 403),
        ({"Origin": "http://testserver"}, 200),
        ({"Origin": "http://testserver.evil.example"}, 403),
        ({"Origin": "http://testserver:8081"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        # A browser sends these credentials by itself, so they prove nothing.
        ({"Authorization": "Basic YTpi", "Origin": "https://evil.example"}, 403),
    ],
)
def test_a_change_by_a_page_of_another_site_is_refused(
    services: Services, headers: dict[str, str], status: int
) -> None:
    assert client_of(services).post("/api/v1/echo", headers=headers).status_code == status


def test_a_bearer_token_is_accepted_from_any_origin(services: Services) -> None:
    headers = {**bearer(services), "Origin": "https://tool.example", "Sec-Fetch-Site": "cross-site"}
    assert client_of(services).post("/api/v1/echo", headers=headers).status_code == 200


def test_the_configured_origin_is_the_only_one(services: Services) -> None:
    settings = replace(services.settings, origin="https://media.example.com")
    client = client_of(replace(services, settings=settings))
    for origin, status in (("https://media.example.com", 200), ("http://media.example.com", 403)):
        assert client.post("/api/v1/echo", headers={"Origin": origin}).status_code == status


def test_no_response_allows_other_origins(services: Services) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}
    client = client_of(services)
    for response in (
        client.options("/api/v1/tokens", headers=headers),
        client.get("/api/v1/tokens", headers=headers),
    ):
        assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("size", [0, 1, MAX_BODY])
def test_a_body_within_the_limit_arrives_whole(services: Services, size: int) -> None:
    client = client_of(services)
    assert client.post("/api/v1/echo", content=b"x" * size).json() == size
    assert client.post("/api/v1/echo", content=iter([b"x" * size])).json() == size


def test_a_larger_body_is_refused_with_and_without_its_length(services: Services) -> None:
    client = client_of(services)
    parts = [b"x" * 65_536] * (MAX_BODY // 65_536) + [b"x"]
    assert client.post("/api/v1/echo", content=b"".join(parts)).status_code == 413
    assert client.post("/api/v1/echo", content=iter(parts)).status_code == 413


def test_uploads_have_their_own_limits(services: Services) -> None:
    body = VIDEO + b"x" * MAX_BODY
    tus = TusClient(client_of(services))
    assert tus.patch(tus.created(len(body)), 0, body).status_code == 204


def test_other_requests_about_uploads_have_the_limit(services: Services) -> None:
    body = b"x" * (MAX_BODY + 1)
    for path in ("/api/v1/uploads", "/api/v1/uploads/plan", "/api/v1/uploads/lookup"):
        assert client_of(services).post(path, content=body).status_code == 413
