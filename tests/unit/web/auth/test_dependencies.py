from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.unit.web.web_app import bearer, open_services

from eddyline.library.tokens import Tokens
from eddyline.web import problems
from eddyline.web.auth.dependencies import Administrator, Reader, Writer, valid_tokens
from eddyline.web.services import Services


def app_of(services: Services) -> FastAPI:
    app = FastAPI()
    app.state.services = services
    problems.install(app)

    @app.get("/read")
    def read(principal: Reader) -> str:
        return principal.owner

    @app.get("/write")
    def write(principal: Writer) -> str:
        return principal.owner

    @app.get("/admin")
    def admin(principal: Administrator) -> str:
        return principal.owner

    return app


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = open_services(tmp_path, local=False)
    yield opened
    opened.ledger.close()


@pytest.mark.parametrize(("local", "status"), [(True, 200), (False, 401)])
def test_a_request_without_a_token_is_accepted_by_a_local_server_only(
    tmp_path: Path, *, local: bool, status: int
) -> None:
    services = open_services(tmp_path, local=local)
    assert TestClient(app_of(services)).get("/read").status_code == status
    services.ledger.close()


def test_the_first_token_ends_the_local_mode_of_a_running_server(tmp_path: Path) -> None:
    services = open_services(tmp_path, local=True)
    client = TestClient(app_of(services))
    assert client.get("/admin").status_code == 200
    headers = bearer(services, owner="ann")
    assert client.get("/admin").status_code == 401
    assert client.get("/admin", headers=headers).json() == "ann"
    services.ledger.close()


@pytest.mark.parametrize(
    ("scope", "statuses"), [("read", [200, 403, 403]), ("write", [200, 200, 403]), ("admin", [200, 200, 200])]
)
def test_each_scope_includes_the_ones_before_it(services: Services, scope: str, statuses: list[int]) -> None:
    client = TestClient(app_of(services))
    headers = bearer(services, owner="ann", scope=scope)
    assert [
        client.get(path, headers=headers).status_code for path in ("/read", "/write", "/admin")
    ] == statuses


def test_tokens_are_valid_until_they_are_revoked_and_none_is_needed_in_local_mode(tmp_path: Path) -> None:
    services = open_services(tmp_path)
    assert valid_tokens(services, frozenset({""})) == {""}
    tokens = Tokens(services.ledger)
    revoked, kept = (tokens.create(owner="ann", scope="read").token.id for _ in range(2))
    tokens.revoke(revoked)
    assert valid_tokens(services, frozenset({"", revoked, kept, "unknown"})) == {kept}
    services.ledger.close()


def test_a_refused_request_names_the_scheme(services: Services) -> None:
    response = TestClient(app_of(services)).get("/read")
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["detail"] == "a valid token is required"


def test_a_token_in_the_query_or_another_scheme_is_ignored(services: Services) -> None:
    secret = Tokens(services.ledger).create(owner="ann", scope="admin").secret
    client = TestClient(app_of(services))
    for query in (f"?token={secret}", f"?access_token={secret}"):
        assert client.get(f"/read{query}").status_code == 401
    assert client.get("/read", headers={"Authorization": f"Basic {secret}"}).status_code == 401
    assert client.get("/read", headers={"Authorization": f"bearer {secret}"}).status_code == 200
