"""The pages of jobs: their parts, and who may see them and act."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.unit.library.asset_jobs import ASSET, add_row
from tests.unit.web.web_app import open_services
from tests.waiting import wait_until

from eddyline.core.background_tasks import run_tasks
from eddyline.library.deletion.deletion import AssetDeletion
from eddyline.web.auth.dependencies import authenticate
from eddyline.web.auth.principal import Principal, Scope
from eddyline.web.deletion_service import deletion_tasks
from eddyline.web.services import Services

STATIC = Path(__file__).parents[4] / "src" / "eddyline" / "web" / "static" / "jobs"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = open_services(tmp_path)
    add_row(opened.ledger, owner="ada", name="<b>ride</b>.mp4")
    yield opened
    opened.ledger.close()


def act_as(client: TestClient, owner: str, scope: Scope) -> None:
    app: Any = client.app
    app.dependency_overrides[authenticate] = lambda: Principal(owner=owner, scope=scope)


def test_the_page_of_an_asset_shows_failures_before_everything_else(client: TestClient) -> None:
    html = client.get(f"/assets/{ASSET}/jobs").text
    parts = [
        html.index(f'id="{name}-title"') for name in ("failures", "stages", "chunks", "timeline", "table")
    ]
    assert parts == sorted(parts)
    assert "&lt;b&gt;ride&lt;/b&gt;.mp4" in html
    assert "<b>ride" not in html


def test_readers_see_no_buttons_that_change_jobs(client: TestClient) -> None:
    for scope, buttons in ((Scope.READ, False), (Scope.WRITE, True)):
        act_as(client, "ada", scope)
        page, overview = client.get(f"/assets/{ASSET}/jobs").text, client.get("/jobs").text
        assert [each in page for each in ('id="retry-asset"', 'id="cancel-asset"')] == [buttons] * 2
        assert ('id="redrive"' in overview) is buttons
        assert ("data-readonly" in page) is not buttons


def test_the_page_of_a_foreign_asset_does_not_exist(client: TestClient) -> None:
    act_as(client, "eve", Scope.WRITE)
    foreign, absent = client.get(f"/assets/{ASSET}/jobs"), client.get("/assets/fedcba9876543210/jobs")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content


def test_pages_and_scripts_obey_the_content_security_policy(client: TestClient) -> None:
    for page in (client.get("/jobs").text, client.get(f"/assets/{ASSET}/jobs").text):
        assert " style=" not in page
        assert "<script>" not in page
    for script in STATIC.glob("*.js"):
        text = script.read_text("utf-8")
        assert "innerHTML" not in text, "texts of others must not become markup"
        assert 'setAttribute("style"' not in text


def test_a_server_finishes_deletions(services: Services) -> None:
    with run_tasks(deletion_tasks(services)):
        AssetDeletion(services.ledger, services.store).request(ASSET)
        wait_until(lambda: services.ledger.catalogue.get(ASSET) is None)
