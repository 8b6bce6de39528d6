"""Checks the store some time after an asset was deleted: a worker that was frozen may have written late.

Workers remove such output themselves when their jobs end; this is for those that were killed before that.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from eddyline.graph.db.asset_locks import lock_assets
from eddyline.graph.db.insert_if_absent import insert_if_absent
from eddyline.graph.db.library_schema import assets, deleted_assets
from eddyline.graph.ledger.catalogue.asset import AssetState

CHECKS_AFTER_S = (60.0, 600.0, 3600.0, 86_400.0)
"""When the store is checked after a deletion, in seconds after the check before."""


@dataclass(frozen=True, kw_only=True)
class DueCheck:
    """A deleted asset whose files are checked now, and how many checks there were before."""

    asset: str
    owner: str
    checks: int


def due(connection: Connection, *, now: float, limit: int) -> list[DueCheck]:
    """The checks that are due, the oldest first."""
    query = select(deleted_assets).where(deleted_assets.c.due <= now).order_by(deleted_assets.c.due)
    return [
        DueCheck(asset=row.asset, owner=row.owner, checks=row.checks)
        for row in connection.execute(query.limit(limit))
    ]


def record(connection: Connection, check: DueCheck, *, found: bool, now: float) -> bool:
    """Record a check; returns whether the asset is deleted again.

    That is so if the check `found` something, and the asset was not submitted again.
    """
    lock_assets(connection, [check.asset])
    mine = deleted_assets.c.asset == check.asset
    exists = connection.execute(select(assets.c.asset).where(assets.c.asset == check.asset)).first()
    if exists is not None:
        connection.execute(delete(deleted_assets).where(mine))
        return False
    if found:
        row = {
            **{column.name: None for column in assets.columns},
            "asset": check.asset,
            "owner": check.owner,
            "name": "",
            "state": AssetState.DELETING.value,
            "created": now,
            "updated": now,
            "profile": "",
            "source": "",
            "progress": 0.0,
        }
        insert_if_absent(connection, assets, [row])
        connection.execute(update(deleted_assets).where(mine).values(due=now + CHECKS_AFTER_S[0]))
        return True
    checks = check.checks + 1
    if checks < len(CHECKS_AFTER_S):
        connection.execute(
            update(deleted_assets).where(mine).values(checks=checks, due=now + CHECKS_AFTER_S[checks])
        )
    else:
        connection.execute(delete(deleted_assets).where(mine))
    return False
