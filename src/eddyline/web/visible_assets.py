"""Finds the assets that a principal may see; absent ones and those of other owners give the same answer."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from eddyline.core.name_rules import is_asset
from eddyline.graph.db.library_schema import assets
from eddyline.web import problems
from eddyline.web.auth.principal import Principal
from eddyline.web.services import Services


@dataclass(frozen=True, kw_only=True)
class VisibleAsset:
    """An asset of the catalogue."""

    asset: str
    owner: str
    name: str
    state: str
    updated: float


_COLUMNS = (assets.c.asset, assets.c.owner, assets.c.name, assets.c.state, assets.c.updated)


def find_asset(services: Services, principal: Principal, asset: str) -> VisibleAsset:
    """An asset that the principal may see. Raises `Problem` 404 for all others."""
    if not is_asset(asset):
        raise problems.not_found()
    query = select(*_COLUMNS).where(assets.c.asset == asset)
    row = services.ledger.read(lambda c: c.execute(query).first())
    if row is None or not principal.may_see(row.owner):
        raise problems.not_found()
    return VisibleAsset(asset=row.asset, owner=row.owner, name=row.name, state=row.state, updated=row.updated)
