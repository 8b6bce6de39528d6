"""The queries of listings: by an index that has all columns of the filters, or by the index of trigrams.

The inner query finds the keys of one page without reading rows; the outer one reads the rows of the page.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, column, func, literal_column, select, table

from eddyline.graph.db.library_schema import assets
from eddyline.graph.db.search_schema import MICROSECONDS, TABLE
from eddyline.graph.ledger.catalogue.asset import COLUMNS, AssetFilters, Order
from eddyline.graph.ledger.catalogue.filters import conditions, contains, words

_MIN_TRIGRAM = 3
_SEARCH = table(TABLE, column("rowid"))
_rowid = _SEARCH.c.rowid


def page_query(
    filters: AssetFilters, order: Order, after: tuple[float, str] | None, limit: int, *, full_text: bool
) -> Select[Any]:
    """The rows of one page, after the key (created, asset). Raises `UsageError` for an invalid text."""
    created, asset = assets.c.created, assets.c.asset
    newest_first = order is Order.CREATED_DESC
    source, found, by_search = _source(filters, full_text=full_text)
    keys = select(asset).select_from(source).where(*found)
    if after is not None:
        last, name = after
        # The first condition is implied by the second, and bounds the range of the index.
        bound = created <= last if newest_first else created >= last
        beyond = created < last if newest_first else created > last
        beside = asset < name if newest_first else asset > name
        keys = keys.where(bound, beyond | ((created == last) & beside))
        if by_search:
            number = round(last * MICROSECONDS)
            keys = keys.where(_rowid <= number if newest_first else _rowid >= number)
    if by_search:
        keys = keys.order_by(_rowid.desc() if newest_first else _rowid)
    else:
        keys = keys.order_by(*((created.desc(), asset.desc()) if newest_first else (created, asset)))
    chosen = keys.limit(limit).subquery("chosen")
    rows = select(*COLUMNS).join_from(chosen, assets, asset == chosen.c.asset)
    return rows.order_by(*((created.desc(), asset.desc()) if newest_first else (created, asset)))


def count_query(filters: AssetFilters, *, full_text: bool) -> Select[Any]:
    """The number of assets by state. Raises `UsageError` for an invalid text."""
    source, found, _ = _source(filters, full_text=full_text)
    return select(assets.c.state, func.count()).select_from(source).where(*found).group_by(assets.c.state)


def _source(filters: AssetFilters, *, full_text: bool) -> tuple[FromClause, list[ColumnElement[bool]], bool]:
    """What to select from, the conditions, and whether the full-text table leads."""
    found = conditions(filters)
    searched = words(filters.text)
    long = [word for word in searched if len(word) >= _MIN_TRIGRAM] if full_text else []
    found += [contains(word) for word in searched if word not in long]
    if not long:
        return assets, found, False
    phrases = " AND ".join('"' + word.replace('"', '""') + '"' for word in long)
    matches = literal_column(TABLE).op("MATCH")(phrases)
    same = assets.c.created == literal_column(f"{TABLE}.rowid / {MICROSECONDS}.0")
    return _SEARCH.join(assets, same), [matches, *found], True
