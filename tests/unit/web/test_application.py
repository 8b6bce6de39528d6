from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.unit.web.web_app import client_of, open_services


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    services = open_services(tmp_path)
    with client_of(services) as client:
        yield client
    services.ledger.close()


def test_an_unknown_route_is_answered_with_problem_details(client: TestClient) -> None:
    response = client.get("/api/v1/absent")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "the resource does not exist",
    }


def test_the_schema_is_openapi_3_1(client: TestClient) -> None:
    assert client.get("/openapi.json").json()["openapi"].startswith("3.1")
