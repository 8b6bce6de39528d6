"""Finds the assets that a principal may see; absent ones and those of other owners give the same answer."""

from __future__ import annotations

from eddyline.core.name_rules import is_asset
from eddyline.graph.ledger.catalogue.asset import Asset
from eddyline.web import problems
from eddyline.web.auth.principal import Principal
from eddyline.web.services import Services


def find_asset(services: Services, principal: Principal, asset: str) -> Asset:
    """An asset that the principal may see. Raises `Problem` 404 for all others."""
    found = services.ledger.catalogue.get(asset) if is_asset(asset) else None
    if found is None or not principal.may_see(found.owner):
        raise problems.not_found()
    return found
