from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.web.web_app import bearer, client_of, open_services


@pytest.mark.parametrize(("scope", "options"), [("admin", 3), ("write", 2), ("read", 0)])
def test_the_page_offers_what_the_client_may_do(tmp_path: Path, scope: str, options: int) -> None:
    services = open_services(tmp_path, local=False)
    html = client_of(services).get("/account", headers=bearer(services, owner="ann<b>", scope=scope)).text
    services.ledger.close()
    assert html.count("<option>") == options
    assert "ann&lt;b&gt;" in html
    assert ('id="create"' in html) is (options > 0)
    assert ('id="owner"' in html) is (scope == "admin")


def test_a_local_server_says_that_it_is_unprotected(tmp_path: Path) -> None:
    services = open_services(tmp_path)
    html = client_of(services).get("/account").text
    services.ledger.close()
    assert "everybody who uses this machine has access to it" in html
    assert html.count("<option>") == 1
    assert 'id="sign-out"' not in html
