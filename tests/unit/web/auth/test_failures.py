from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.unit.web.web_app import bearer, client_of, open_services

from eddyline.core.clock import ManualClock
from eddyline.web.auth.failures import LIMIT, FailedAuthentications
from eddyline.web.services import Services

WRONG = {"Authorization": "Bearer edl_" + "x" * 43}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = open_services(tmp_path, local=False)
    yield opened
    opened.ledger.close()


@pytest.fixture
def client(services: Services) -> TestClient:
    return client_of(services)


def test_too_many_failures_are_answered_with_the_time_to_wait(client: TestClient) -> None:
    answers = [client.get("/api/v1/tokens", headers=WRONG) for _ in range(LIMIT + 1)]
    assert [each.status_code for each in answers] == [401] * LIMIT + [429]
    assert answers[-1].headers["retry-after"] == "60"
    assert answers[-1].headers["content-type"] == "application/problem+json"


def test_the_limit_counts_tokens_that_are_pasted_into_the_login_page(client: TestClient) -> None:
    statuses = [client.post("/login", json={"token": "wrong"}).status_code for _ in range(LIMIT + 1)]
    assert statuses == [401] * LIMIT + [429]


def test_a_valid_token_is_accepted_above_the_limit_and_failures_are_forgotten(
    services: Services, client: TestClient
) -> None:
    headers = bearer(services)
    for _ in range(LIMIT + 1):
        client.get("/api/v1/tokens", headers=WRONG)
    assert client.get("/api/v1/tokens", headers=headers).status_code == 200
    assert isinstance(services.clock, ManualClock)
    services.clock.advance(60)
    assert client.get("/api/v1/tokens", headers=WRONG).status_code == 401


def test_requests_without_credentials_are_not_counted(client: TestClient) -> None:
    statuses = {client.get("/api/v1/tokens").status_code for _ in range(LIMIT + 5)}
    assert statuses == {401}


def test_addresses_are_counted_apart_and_networks_of_ipv6_together() -> None:
    failures = FailedAuthentications()
    for _ in range(LIMIT):
        assert failures.record("203.0.113.1", 0.0) == 0
        assert failures.record("2001:db8::1", 0.0) == 0
    assert failures.record("203.0.113.1", 10.5) == 50
    assert failures.record("203.0.113.2", 10.5) == 0
    assert failures.record("2001:db8::ffff:2", 10.5) == 50
    assert failures.record("2001:db8:0:1::1", 10.5) == 0
    assert failures.record("testclient", 10.5) == 0


def test_memory_is_bounded() -> None:
    failures = FailedAuthentications()
    for number in range(10_500):
        failures.record(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(failures._windows) == 10_000
