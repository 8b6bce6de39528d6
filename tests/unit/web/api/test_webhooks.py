from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from tests.unit.library.webhooks.receiver import add_event

from eddyline.library.webhooks.deliveries import Deliveries
from eddyline.web.services import Services

WEBHOOKS = "/api/v1/webhooks"
URL = "https://example.com/hook"


def test_the_secret_is_only_in_the_answer_to_the_creation(client: TestClient) -> None:
    created = client.post(WEBHOOKS, json={"url": URL, "kinds": ["asset.ready"]})
    assert created.status_code == 201
    assert created.json()["secret"].startswith("whsec_")
    (listed,) = client.get(WEBHOOKS).json()["webhooks"]
    assert listed["secret"] is None
    assert listed == {**created.json(), "secret": None}
    assert client.get(f"{WEBHOOKS}/{listed['id']}").json() == listed


def test_a_webhook_is_disabled_enabled_changed_and_deleted(client: TestClient) -> None:
    path = f"{WEBHOOKS}/{client.post(WEBHOOKS, json={'url': URL}).json()['id']}"
    assert client.patch(path, json={"enabled": False}).json()["disabled"] == "disabled by its owner"
    assert client.patch(path, json={"enabled": True, "kinds": ["asset.failed"]}).json()["disabled"] is None
    assert client.get(path).json()["kinds"] == ["asset.failed"]
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"url": "ftp://example.com"}, 400),
        ({"url": URL, "kinds": ["asset.sold"]}, 400),
        ({"url": "x" * 3000}, 422),
        ({}, 422),
    ],
)
def test_an_invalid_webhook_is_a_problem_with_a_remedy(
    client: TestClient, body: dict[str, object], status: int
) -> None:
    response = client.post(WEBHOOKS, json=body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert {"remedy", "errors"} & response.json().keys()


def test_deliveries_are_listed_by_page_and_replayed(client: TestClient, services: Services) -> None:
    path = f"{WEBHOOKS}/{client.post(WEBHOOKS, json={'url': URL}).json()['id']}"
    for _ in range(3):
        add_event(services.ledger)
    Deliveries(services.ledger).add_new()
    for delivery in Deliveries(services.ledger).take(3):
        Deliveries(services.ledger).fail(delivery, "refused", 500)
    first = client.get(f"{path}/deliveries?limit=2").json()
    second = client.get(f"{path}/deliveries", params={"limit": 2, "cursor": first["next"]}).json()
    found = [*first["deliveries"], *second["deliveries"]]
    assert (len(found), second["next"]) == (3, "")
    assert {(each["status"], each["error"]) for each in found} == {(500, "refused")}
    assert client.post(f"{path}/replay", json={"delivery": found[0]["id"]}).json() == {"count": 1}
    assert client.post(f"{path}/replay", json={}).json() == {"count": 3}
    assert client.post(f"{path}/replay", json={"delivery": "msg_absent"}).status_code == 404
    assert client.get(f"{path}/deliveries?cursor=x").status_code == 400


def test_the_page_lists_the_kinds_of_events(client: TestClient) -> None:
    page = client.get("/webhooks")
    assert page.status_code == 200
    assert "asset.progress" in page.text
    assert "<script>" not in page.text
