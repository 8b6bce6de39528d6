from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.unit.web.web_app import bearer, client_of, open_services

from eddyline.library.tokens import Tokens
from eddyline.web.services import Services


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = open_services(tmp_path, local=False)
    yield opened
    opened.ledger.close()


@pytest.fixture
def client(services: Services) -> TestClient:
    return client_of(services)


def create(client: TestClient, headers: dict[str, str], **body: object) -> Any:
    return client.post("/api/v1/tokens", headers=headers, json=body)


def test_a_created_token_works_until_it_is_revoked(services: Services, client: TestClient) -> None:
    headers = bearer(services, owner="ann", scope="write")
    created = create(client, headers, name="laptop", scope="read")
    assert created.status_code == 201
    assert (created.json()["owner"], created.json()["valid"]) == ("ann", True)
    new = {"Authorization": f"Bearer {created.json()['secret']}"}
    assert client.get("/api/v1/tokens", headers=new).status_code == 200
    assert client.delete(f"/api/v1/tokens/{created.json()['id']}", headers=headers).status_code == 204
    assert client.get("/api/v1/tokens", headers=new).status_code == 401


def test_tokens_are_listed_without_secrets(services: Services, client: TestClient) -> None:
    ann, admin = bearer(services, owner="ann", scope="read"), bearer(services, owner="bob")
    own = client.get("/api/v1/tokens", headers=ann)
    assert [each["owner"] for each in own.json()["tokens"]] == ["ann"]
    everyone = client.get("/api/v1/tokens", headers=admin)
    assert sorted(each["owner"] for each in everyone.json()["tokens"]) == ["ann", "bob"]
    assert "edl_" not in everyone.text
    assert "digest" not in everyone.text


@pytest.mark.parametrize(
    ("scope", "body", "status"),
    [
        ("read", {"scope": "read"}, 403),
        ("write", {"scope": "admin"}, 403),
        ("write", {"scope": "read", "owner": "bob"}, 403),
        ("write", {"scope": "write", "owner": "ann"}, 201),
        ("admin", {"scope": "admin", "owner": "bob"}, 201),
        ("admin", {"scope": "root"}, 422),
        ("admin", {"scope": "read", "name": "a" * 101}, 422),
        ("admin", {"scope": "read", "name": "a\nb"}, 400),
        ("admin", {"scope": "read", "expires": "2001-01-01T00:00:00Z"}, 400),
        ("admin", {"scope": "read", "digest": "x"}, 422),
    ],
)
def test_a_client_gives_no_more_rights_than_it_has(
    services: Services, client: TestClient, scope: str, body: dict[str, object], status: int
) -> None:
    headers = bearer(services, owner="ann", scope=scope)
    assert create(client, headers, **body).status_code == status


def test_a_new_token_does_not_outlive_the_one_that_created_it(services: Services, client: TestClient) -> None:
    limit = services.clock.now() + 3600
    created = Tokens(services.ledger).create(owner="ann", scope="write", expires=limit)
    headers = {"Authorization": f"Bearer {created.secret}"}
    times = {None: 403, limit + 1: 403, limit: 201}
    for at, status in times.items():
        expires = None if at is None else datetime.fromtimestamp(at, UTC).isoformat()
        assert create(client, headers, scope="read", expires=expires).status_code == status


def test_a_token_of_another_owner_or_a_higher_scope_is_not_revoked(
    services: Services, client: TestClient
) -> None:
    headers = bearer(services, owner="ann", scope="write")
    foreign = Tokens(services.ledger).create(owner="bob", scope="read").token.id
    higher = Tokens(services.ledger).create(owner="ann", scope="admin").token.id
    refused = client.delete(f"/api/v1/tokens/{foreign}", headers=headers)
    absent = client.delete("/api/v1/tokens/absent", headers=headers)
    assert (refused.status_code, refused.content) == (404, absent.content)
    assert client.delete(f"/api/v1/tokens/{higher}", headers=headers).status_code == 403
    assert all(token.revoked is None for token in Tokens(services.ledger).list())


def test_the_first_token_of_a_local_server_has_the_scope_admin(tmp_path: Path) -> None:
    services = open_services(tmp_path / "local")
    client = client_of(services)
    assert create(client, {}, scope="write").status_code == 400
    secret = create(client, {}, scope="admin").json()["secret"]
    assert client.get("/api/v1/tokens").status_code == 401
    assert client.get("/api/v1/tokens", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    services.ledger.close()
