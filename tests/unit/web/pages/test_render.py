from __future__ import annotations

from pathlib import Path

from fastapi import Request
from tests.unit.web.web_app import open_services

from eddyline.web.application import create_app
from eddyline.web.auth.principal import LOCAL
from eddyline.web.pages.render import render


def test_a_page_has_its_navigation_and_no_inline_script(tmp_path: Path) -> None:
    services = open_services(tmp_path)
    request = Request(
        {"type": "http", "path": "/jobs", "headers": [], "app": create_app(services), "method": "GET"}
    )
    html = bytes(render(request, "base.html", LOCAL).body).decode()
    services.ledger.close()
    assert '<a href="/jobs" aria-current="page">Jobs</a>' in html
    assert "<script" not in html
    assert "style=" not in html
