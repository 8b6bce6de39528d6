from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.web.catalogue_rows import ASSET, add_asset
from tests.unit.web.web_app import open_services

from eddyline.web.auth.principal import LOCAL, Principal, Scope
from eddyline.web.problems import Problem
from eddyline.web.visible_assets import find_asset


def test_an_asset_of_another_owner_is_answered_as_an_absent_one(tmp_path: Path) -> None:
    services = open_services(tmp_path)
    add_asset(services, owner="ann")
    ann, bob = (Principal(owner=owner, scope=Scope.WRITE) for owner in ("ann", "bob"))
    assert find_asset(services, ann, ASSET).owner == "ann"
    assert find_asset(services, LOCAL, ASSET).owner == "ann"
    with pytest.raises(Problem) as foreign:
        find_asset(services, bob, ASSET)
    with pytest.raises(Problem) as absent:
        find_asset(services, bob, "f" * 16)
    services.ledger.close()
    assert vars(foreign.value) == vars(absent.value)
    assert foreign.value.status == 404
