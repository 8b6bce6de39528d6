from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.unit.web.web_app import client_of, open_services

from eddyline.core.clock import ManualClock
from eddyline.library.sessions import LIFETIME_S
from eddyline.library.tokens import Tokens
from eddyline.web.services import Services

PAGE = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = open_services(tmp_path, local=False)
    yield opened
    opened.ledger.close()


@pytest.fixture
def client(services: Services) -> TestClient:
    found = client_of(services)
    found.follow_redirects = False
    return found


def sign_in(services: Services, client: TestClient, scope: str = "write") -> str:
    """Signs in; returns the id of the token."""
    created = Tokens(services.ledger).create(owner="ann", scope=scope)
    response = client.post("/login", json={"token": f" {created.secret}\n", "next": "/jobs"})
    assert response.json() == {"next": "/jobs"}
    assert created.secret not in response.headers["set-cookie"]
    return created.token.id


def test_a_page_redirects_to_the_login_page_and_back(services: Services, client: TestClient) -> None:
    refused = client.get("/account?x=1", headers=PAGE)
    assert (refused.status_code, refused.headers["location"]) == (303, "/login?next=/account%3Fx%3D1")
    login = client.get(refused.headers["location"], headers=PAGE)
    assert 'data-next="/account?x=1"' in login.text
    assert login.headers["cache-control"] == "no-store"
    sign_in(services, client)
    assert client.get("/account?x=1", headers=PAGE).status_code == 200


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:x"]
)
def test_the_login_page_redirects_to_this_site_only(
    services: Services, client: TestClient, target: str
) -> None:
    assert 'data-next="/"' in client.get("/login", params={"next": target}).text
    secret = Tokens(services.ledger).create(owner="ann", scope="read").secret
    assert client.post("/login", json={"token": secret, "next": target}).json() == {"next": "/"}


def test_calls_of_the_api_are_not_redirected(client: TestClient) -> None:
    response = client.get("/api/v1/tokens", headers=PAGE)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


def test_the_session_works_for_the_api_and_ends_by_signing_out(
    services: Services, client: TestClient
) -> None:
    sign_in(services, client)
    assert client.get("/session").status_code == 204
    assert client.get("/api/v1/tokens").status_code == 200
    cookie = client.cookies["eddyline_session"]
    response = client.post("/logout")
    assert response.json() == {"next": "/login"}
    assert "eddyline_session" not in client.cookies
    # The cookie is worthless even for a program that kept it.
    assert client.get("/session", headers={"Cookie": f"eddyline_session={cookie}"}).status_code == 401


def test_the_session_ends_with_its_token_and_the_browser_forgets_it(
    services: Services, client: TestClient
) -> None:
    token = sign_in(services, client)
    Tokens(services.ledger).revoke(token)
    response = client.get("/account", headers=PAGE)
    assert response.status_code == 303
    assert "eddyline_session" not in client.cookies


def test_the_session_expires(services: Services, client: TestClient) -> None:
    sign_in(services, client)
    assert isinstance(services.clock, ManualClock)
    services.clock.advance(LIFETIME_S)
    assert client.get("/session").status_code == 401


@pytest.mark.parametrize("body", [{"token": "wrong"}, {"token": "edl_" + "x" * 43}])
def test_a_wrong_token_opens_no_session(client: TestClient, body: dict[str, str]) -> None:
    response = client.post("/login", json=body)
    assert response.status_code == 401
    assert "set-cookie" not in response.headers


def test_a_token_in_the_address_or_a_form_is_not_accepted(services: Services, client: TestClient) -> None:
    secret = Tokens(services.ledger).create(owner="ann", scope="read").secret
    assert client.post(f"/login?token={secret}").status_code == 422
    assert client.post("/login", data={"token": secret}).status_code == 422


def test_a_session_cannot_be_fixed_by_another_site(services: Services, client: TestClient) -> None:
    secret = Tokens(services.ledger).create(owner="eve", scope="read").secret
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post("/login", json={"token": secret}, headers=headers).status_code == 403
    assert client.post("/logout", headers=headers).status_code == 403


def test_the_scripts_keep_no_token() -> None:
    root = Path(__file__).parents[4] / "src" / "eddyline" / "web" / "static"
    for script in root.rglob("*.js"):
        if "vendor" in script.parts:
            continue
        text = script.read_text("utf-8")
        assert "edl_" not in text, script
        if script.parent.name in {"login", "account"}:
            assert "localStorage" not in text
            assert "sessionStorage" not in text
