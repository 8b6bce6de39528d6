"""Restores rows of the catalogue from published assets, and removes those of assets that are not stored.

Rows of assets whose jobs are open are left as they are: the jobs will change them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, insert, or_, select, update

from eddyline.graph.db.library_schema import assets
from eddyline.graph.db.schema import archive, jobs
from eddyline.graph.ledger.catalogue.asset import AssetState
from eddyline.graph.ledger.catalogue.creation_times import unique_time
from eddyline.graph.ledger.catalogue.facts import FACTS, parse_facts, parse_text
from eddyline.graph.states import FAILED, OPEN

_MAX_TIME = 1e11  # seconds since 1970
_WRITTEN = ("state", "progress", "failure", *FACTS)
_ROW = select(*(assets.c[name] for name in _WRITTEN)).where(assets.c.asset == bindparam("the_asset"))
_ROW = _ROW.with_for_update()
_OPEN = [state.value for state in sorted(OPEN)]
_FAILED = [state.value for state in sorted(FAILED)]
_HAS_OPEN_JOBS = exists().where(jobs.c.asset == assets.c.asset, jobs.c.state.in_(_OPEN))
_HAS_FAILED_JOBS = or_(
    exists().where(jobs.c.asset == assets.c.asset, jobs.c.state.in_(_FAILED)),
    exists().where(archive.c.asset == assets.c.asset, archive.c.state.in_(_FAILED)),
)
_IS_OPEN = select(jobs.c.id).where(jobs.c.asset == bindparam("the_asset"), jobs.c.state.in_(_OPEN)).limit(1)


def restore(connection: Connection, published: Mapping[str, Mapping[str, Any]], now: float) -> int:
    """Write the rows of published assets, by id the facts of each manifest; returns how many changed."""
    return sum(_restore(connection, asset, published[asset], now) for asset in sorted(published))


def _restore(connection: Connection, asset: str, reported: Mapping[str, Any], now: float) -> bool:
    state = {"state": AssetState.READY.value, "progress": 1.0, "failure": None}
    values = {**parse_facts(dict(reported)), **state}
    row = connection.execute(_ROW, {"the_asset": asset}).first()
    if row is None:
        texts = {name: parse_text(reported.get(name)) for name in ("name", "owner", "profile", "source")}
        created = reported.get("created")
        known = isinstance(created, float) and 0 <= created < _MAX_TIME
        at = unique_time(connection, created if isinstance(created, float) and known else now)
        connection.execute(insert(assets), {**values, **texts, "asset": asset, "created": at, "updated": now})
        return True
    found = dict(zip(_WRITTEN, row, strict=True))
    if found == values or found["state"] == AssetState.DELETING:
        return False
    if connection.execute(_IS_OPEN, {"the_asset": asset}).first() is not None:
        return False
    change = update(assets).where(assets.c.asset == asset).values({**values, "updated": now})
    connection.execute(change)
    return True


def find_between(connection: Connection, after: str, upto: str | None, limit: int) -> Sequence[str]:
    """The ids of at most `limit` rows after one id and up to another (None: all), ascending."""
    query = select(assets.c.asset).where(assets.c.asset > after).order_by(assets.c.asset).limit(limit)
    if upto is not None:
        query = query.where(assets.c.asset <= upto)
    return list(connection.execute(query).scalars())


def remove_missing(connection: Connection, names: Sequence[str]) -> int:
    """Remove the rows of these assets, which the store lacks; returns how many.

    Keeps assets with open jobs, those that are being deleted, and failed or cancelled ones whose jobs show
    why: they never were in the store.
    """
    is_failed = assets.c.state.in_([AssetState.FAILED.value, AssetState.CANCELLED.value])
    statement = delete(assets).where(
        assets.c.asset.in_(sorted(names)),
        assets.c.state != AssetState.DELETING.value,
        ~_HAS_OPEN_JOBS,
        ~(is_failed & _HAS_FAILED_JOBS),
    )
    return int(connection.execute(statement).rowcount)
