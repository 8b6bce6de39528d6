from __future__ import annotations

from pathlib import Path

from tests.unit.web.web_app import client_of, open_services


def test_a_method_that_is_not_supported_is_answered_with_those_of_all_routes(tmp_path: Path) -> None:
    services = open_services(tmp_path)
    with client_of(services) as client:
        response = client.put("/api/v1/assets")
    services.ledger.close()
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert response.headers["content-type"] == "application/problem+json"


def test_a_path_without_parameters_has_the_methods_of_its_route_only(tmp_path: Path) -> None:
    services = open_services(tmp_path)
    with client_of(services) as client:
        response = client.put("/api/v1/jobs/redrive")
    services.ledger.close()
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
