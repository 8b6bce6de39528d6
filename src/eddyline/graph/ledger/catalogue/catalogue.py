"""The catalogue of a ledger: lists and finds assets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from eddyline.graph.db import search_schema
from eddyline.graph.db.library_schema import assets
from eddyline.graph.ledger.catalogue import cursor, restore
from eddyline.graph.ledger.catalogue.asset import (
    COLUMNS,
    Asset,
    AssetFilters,
    AssetPage,
    AssetState,
    Order,
)
from eddyline.graph.ledger.catalogue.listing import count_query, page_query
from eddyline.graph.ledger.transactions import Transactions

MAX_LIMIT = 1000
"""The maximum number of assets of a page."""

_MAX_CAMERAS = 50

_GET = select(*COLUMNS).where(assets.c.asset == bindparam("asset"))
_NAMES = [column.name for column in COLUMNS]
_STATE, _FAILURE = _NAMES.index("state"), _NAMES.index("failure")


class Catalogue:
    """Queries of the catalogue, and its maintenance, each in one transaction. Safe from any thread."""

    def __init__(self, transactions: Transactions) -> None:
        self._database = transactions.database
        self._now = transactions.clock.now
        self._full_text: bool | None = None

    def get(self, asset: str) -> Asset | None:
        """One asset; None if the catalogue does not contain it."""
        return self._database.read(lambda c: get(c, asset))

    def page(
        self,
        filters: AssetFilters,
        *,
        limit: int,
        after: str = "",
        order: Order = Order.CREATED_DESC,
    ) -> AssetPage:
        """At most `limit` assets (1 to 1000) after a cursor; the cost does not grow with those before it.

        Walking from page to page lists every asset that exists from the start to the end of the walk exactly
        once, also while others are added or removed. Raises `UsageError` for an invalid cursor or text.
        """
        limit = max(1, min(limit, MAX_LIMIT))
        key = cursor.decode(after, order) if after else None
        found = self._database.read(
            lambda c: [
                _asset(row)
                for row in c.execute(
                    page_query(filters, order, key, limit + 1, full_text=self._has_full_text(c))
                )
            ]
        )
        if len(found) <= limit:
            return AssetPage(assets=tuple(found), next="")
        last = found[limit - 1]
        return AssetPage(assets=tuple(found[:limit]), next=cursor.encode(order, last.created, last.asset))

    def cameras(self, *, owner: str | None) -> list[str]:
        """The names of the cameras of an owner's assets (None: of all assets) in order, at most 50.

        Each is one step in an index, however many assets there are.
        """
        return self._database.read(lambda c: _cameras(c, owner))

    def count(self, filters: AssetFilters) -> dict[AssetState, int]:
        """The number of assets in each state; 0 for states without any. Raises `UsageError`."""
        found = self._database.read(
            lambda c: {
                row[0]: row[1] for row in c.execute(count_query(filters, full_text=self._has_full_text(c)))
            }
        )
        return {state: found.get(state.value, 0) for state in AssetState}

    def _has_full_text(self, connection: Connection) -> bool:
        if self._full_text is None:
            self._full_text = search_schema.has_full_text(connection)
        return self._full_text

    # Maintenance

    def restore(self, published: Mapping[str, Mapping[str, Any]]) -> int:
        """Write the rows of published assets: by id, the facts of each manifest. Returns how many changed.

        Assets with open jobs, and those that are being deleted, stay as they are.
        """
        return self._database.write(lambda c: restore.restore(c, published, self._now()))

    def ids(self, *, after: str, upto: str | None, limit: int) -> Sequence[str]:
        """The ids of at most `limit` assets after an id and up to another one (None: all), ascending."""
        return self._database.read(lambda c: restore.find_between(c, after, upto, limit))

    def remove_missing(self, names: Sequence[str]) -> int:
        """Remove the rows of assets that the media store lacks; returns how many.

        Keeps those with open jobs, those that are being deleted, and those whose failed jobs are known.
        """
        return self._database.write(lambda c: restore.remove_missing(c, names))


def get(connection: Connection, asset: str) -> Asset | None:
    """One asset, within a transaction."""
    row = connection.execute(_GET, {"asset": asset}).first()
    return None if row is None else _asset(row)


def _cameras(connection: Connection, owner: str | None) -> list[str]:
    camera = assets.c.camera
    query = select(func.min(camera)).where(camera > bindparam("after"))
    if owner is not None:
        query = query.where(assets.c.owner == owner)
    found: list[str] = []
    while len(found) < _MAX_CAMERAS:
        name = connection.scalar(query, {"after": found[-1] if found else ""})
        if name is None:
            break
        found.append(name)
    return found


def _asset(row: Any) -> Asset:  # noqa: ANN401 - a row of SQLAlchemy
    values = list(row)
    values[_STATE] = AssetState(values[_STATE])
    values[_FAILURE] = json.loads(values[_FAILURE]) if values[_FAILURE] else None
    return Asset(**dict(zip(_NAMES, values, strict=True)))
