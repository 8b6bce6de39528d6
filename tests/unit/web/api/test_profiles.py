from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from tests.unit.web.web_app import client_of, open_services

from eddyline.media.ladder.profile import load_profile, profile_names


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    services = open_services(tmp_path_factory.mktemp("profiles"))
    with client_of(services) as client:
        yield client
    services.ledger.close()


def test_the_built_in_profiles_are_listed(client: TestClient) -> None:
    found = client.get("/api/v1/profiles").json()["profiles"]
    assert [each["name"] for each in found] == list(profile_names())
    assert client.get(found[0]["links"]["self"]).json()["name"] == found[0]["name"]


def test_a_profile_has_all_settings(client: TestClient) -> None:
    assert client.get("/api/v1/profiles/default").json() == load_profile("default").model_dump(mode="json")


@pytest.mark.parametrize("name", ["absent", "..%2fprofile", "%2fetc%2fpasswd.yaml", "x.yaml"])
def test_a_path_is_never_read(client: TestClient, name: str) -> None:
    assert client.get(f"/api/v1/profiles/{name}").status_code == 404
