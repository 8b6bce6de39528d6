from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.web.web_app import client_of

from eddyline.web.auth.security_headers import content_security_policy
from eddyline.web.services import Services


def directives(policy: str) -> dict[str, set[str]]:
    parts = [part.split() for part in policy.split(";")]
    return {name: set(values) for name, *values in parts}


def test_the_policy_allows_files_of_this_server_only() -> None:
    policy = content_security_policy()
    assert "unsafe" not in policy
    assert "*" not in policy
    found = directives(policy)
    assert found["default-src"] == {"'none'"}
    assert found["script-src"] == {"'self'"}
    assert found["style-src"] == {"'self'"}
    assert found["connect-src"] == {"'self'"}
    assert found["frame-ancestors"] == {"'none'"}
    assert found["base-uri"] == {"'none'"}


def test_tiles_of_the_configured_server_are_allowed_as_images_only() -> None:
    policy = content_security_policy("https://{s}.tile.example.org/{z}/{x}/{y}.png")
    assert "https://*.tile.example.org" in directives(policy)["img-src"]
    assert policy.count("tile.example.org") == 1


@pytest.mark.parametrize(
    "path", ["/login", "/api/v1/tokens", "/api/v1/absent", "/static/base.css", "/openapi.json"]
)
def test_every_response_has_the_headers(services: Services, path: str) -> None:
    headers = client_of(services).get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "geolocation=()" in headers["permissions-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "cache-control" in headers
    assert "strict-transport-security" not in headers


def test_refused_requests_have_the_headers(services: Services) -> None:
    response = client_of(services).get("/login", headers={"Host": "evil.example"})
    assert response.status_code == 421
    assert response.headers["x-content-type-options"] == "nosniff"


def test_browsers_use_https_only_once_the_origin_has_it(services: Services) -> None:
    settings = replace(services.settings, origin="https://media.example.com")
    response = client_of(replace(services, settings=settings)).get("/login")
    assert response.headers["strict-transport-security"] == "max-age=31536000"
