"""The SQL conditions of a listing's filters."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, and_, or_

from eddyline.core.errors import UsageError
from eddyline.graph.db.library_schema import assets
from eddyline.graph.ledger.catalogue.asset import AssetFilters, Box

_MAX_TEXT = 200
_MAX_WORDS = 10


def conditions(filters: AssetFilters) -> list[ColumnElement[bool]]:
    """The conditions of all filters, except those of the text."""
    return list(_conditions(filters))


def _conditions(filters: AssetFilters) -> Iterator[ColumnElement[bool]]:
    columns = assets.c
    if filters.owner is not None:
        yield columns.owner == filters.owner
    if len(filters.states) == 1:
        yield columns.state == filters.states[0].value
    elif filters.states:
        yield columns.state.in_(sorted(state.value for state in filters.states))
    if filters.camera:
        yield columns.camera == filters.camera
    if filters.captured_from is not None:
        yield columns.captured >= filters.captured_from
    if filters.captured_to is not None:
        yield columns.captured < filters.captured_to
    if filters.box is not None:
        yield _intersects(filters.box)


def words(text: str) -> list[str]:
    """The words of a search, at most ten; raises `UsageError` for a text that is too long or invalid."""
    if len(text) > _MAX_TEXT or "\0" in text:
        raise UsageError(
            "the text to search for is invalid", remedy=f"search for at most {_MAX_TEXT} characters of text"
        )
    return text.split()[:_MAX_WORDS]


def contains(word: str) -> ColumnElement[bool]:
    """Whether the name or the camera contains a word, in upper or lower case (on SQLite of ASCII letters)."""
    columns = assets.c
    return or_(columns.name.icontains(word, autoescape=True), columns.camera.icontains(word, autoescape=True))


def _intersects(box: Box) -> ColumnElement[bool]:
    """Whether the bounding box of the track and `box` have a point in common."""
    columns = assets.c
    crosses = columns.min_lon > columns.max_lon
    in_latitude = and_(columns.min_lat <= box.max_lat, columns.max_lat >= box.min_lat)
    starts_before, ends_after = columns.min_lon <= box.max_lon, columns.max_lon >= box.min_lon
    if box.min_lon > box.max_lon:
        return and_(in_latitude, or_(crosses, starts_before, ends_after))
    overlaps = and_(starts_before, ends_after)
    return and_(in_latitude, or_(overlaps, and_(crosses, or_(starts_before, ends_after))))
