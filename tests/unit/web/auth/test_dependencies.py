from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.unit.web.web_app import open_services

from eddyline.web import problems
from eddyline.web.auth.dependencies import Reader


@pytest.mark.parametrize(("local", "status"), [(True, 200), (False, 401)])
def test_a_request_without_a_token_is_accepted_by_a_local_server_only(
    tmp_path: Path, *, local: bool, status: int
) -> None:
    services = open_services(tmp_path, local=local)
    app = FastAPI()
    app.state.services = services
    problems.install(app)

    @app.get("/owner")
    def owner(principal: Reader) -> str:
        return principal.owner

    assert TestClient(app).get("/owner").status_code == status
    services.ledger.close()
