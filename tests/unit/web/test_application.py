from __future__ import annotations

from starlette.testclient import TestClient


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
