"""Listing the catalogue: pages, filters, search and cursors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Select, delete, update
from tests.unit.graph.ledger.catalogue.rows import insert_assets

from eddyline.core.errors import UsageError
from eddyline.graph.db.library_schema import assets
from eddyline.graph.ledger.catalogue.asset import AssetFilters, AssetState, Box, Order
from eddyline.graph.ledger.catalogue.listing import page_query
from eddyline.graph.ledger.ledger import Ledger

EVERYTHING = AssetFilters()


def listed(ledger: Ledger, filters: AssetFilters = EVERYTHING, **options: Order) -> list[str]:
    """The ids of a whole listing, read in pages of two."""
    return [name for page in pages(ledger, filters, **options) for name in page]


def pages(ledger: Ledger, filters: AssetFilters, **options: Order) -> Iterator[list[str]]:
    after = ""
    while True:
        page = ledger.catalogue.page(filters, limit=2, after=after, **options)
        yield [each.asset for each in page.assets]
        if not page.next:
            return
        after = page.next


def test_get_returns_a_row_with_its_state_and_failure(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger()
    insert_assets(ledger, {"asset": "a", "state": "failed", "failure": '{"error":"InputError"}'})
    found = ledger.catalogue.get("a")
    assert found is not None
    assert found.state is AssetState.FAILED
    assert found.failure == {"error": "InputError"}
    assert ledger.catalogue.get("b") is None


def test_pages_list_every_asset_once_newest_first(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger()
    # Two of them were created at the same time.
    created = {"a": 1.0, "b": 2.0, "c": 2.0, "d": 2.0, "e": 5.0}
    insert_assets(ledger, *({"asset": name, "created": at} for name, at in created.items()))
    assert listed(ledger) == ["e", "d", "c", "b", "a"]
    assert listed(ledger, order=Order.CREATED_ASC) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (AssetFilters(owner="anna"), "a"),
        (AssetFilters(owner=""), "cb"),
        (AssetFilters(states=(AssetState.READY,)), "ba"),
        (AssetFilters(states=(AssetState.FAILED, AssetState.READY)), "cba"),
        (AssetFilters(camera="HERO9 Black"), "b"),
        (AssetFilters(captured_from=100.0), "cb"),
        (AssetFilters(captured_from=100.0, captured_to=200.0), "b"),
        (AssetFilters(text="hero"), "b"),
        (AssetFilters(text="GX01 mp4"), "ba"),
        (AssetFilters(text="50%_"), "c"),
        (AssetFilters(text="hero9 GX0 ck"), "b"),
        (AssetFilters(text='"GX01'), ""),
        (AssetFilters(text="GX01 OR cut"), ""),
        (AssetFilters(text="gx01", owner="anna"), "a"),
        (AssetFilters(text="GX01*"), ""),
        (AssetFilters(text="%"), "c"),
        (AssetFilters(text="'; DROP TABLE assets"), ""),
        (AssetFilters(text="a\\"), ""),
    ],
)
def test_filters_select_assets(
    open_ledger: Callable[..., Ledger], filters: AssetFilters, expected: str
) -> None:
    ledger = open_ledger()
    insert_assets(
        ledger,
        {"asset": "a", "owner": "anna", "name": "GX010001.MP4", "captured": 50.0},
        {"asset": "b", "name": "gx010002.mp4", "camera": "HERO9 Black", "captured": 100.0},
        {"asset": "c", "state": "failed", "name": "a 50%_ cut", "captured": 200.0},
    )
    assert "".join(listed(ledger, filters)) == expected
    assert sum(ledger.catalogue.count(filters).values()) == len(expected)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(min_lat=0, min_lon=0, max_lat=50, max_lon=20), "a"),
        (Box(min_lat=47.5, min_lon=9.5, max_lat=47.6, max_lon=9.6), "a"),
        (Box(min_lat=0, min_lon=20, max_lat=50, max_lon=30), ""),
        (Box(min_lat=-20, min_lon=170, max_lat=-15, max_lon=179.5), "b"),
        (Box(min_lat=-20, min_lon=-179.5, max_lat=-15, max_lon=-170), "b"),
        (Box(min_lat=-90, min_lon=170, max_lat=90, max_lon=-170), "b"),
        (Box(min_lat=-90, min_lon=5, max_lat=90, max_lon=-170), "ba"),
        (Box(min_lat=-90, min_lon=-170, max_lat=90, max_lon=-100), ""),
    ],
)
def test_a_box_selects_tracks_that_intersect_it(
    open_ledger: Callable[..., Ledger], box: Box, expected: str
) -> None:
    ledger = open_ledger()
    insert_assets(
        ledger,
        {"asset": "a", "min_lat": 47.0, "min_lon": 9.0, "max_lat": 48.0, "max_lon": 10.0},
        # It crosses the meridian of 180 degrees, near Fiji.
        {"asset": "b", "min_lat": -18.0, "min_lon": 179.0, "max_lat": -16.0, "max_lon": -179.0},
        {"asset": "c"},
    )
    assert "".join(listed(ledger, AssetFilters(box=box))) == expected


@pytest.mark.parametrize("bad", ["x", "e30", "W10", "!" * 20, "a" * 5000, "WyItY3JlYXRlZCIsMWU5OTksImEiXQ"])
def test_an_invalid_cursor_is_refused(open_ledger: Callable[..., Ledger], bad: str) -> None:
    with pytest.raises(UsageError, match="cursor"):
        open_ledger().catalogue.page(EVERYTHING, limit=10, after=bad)


def test_a_cursor_of_another_order_is_refused(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger()
    insert_assets(ledger, {"asset": "a"}, {"asset": "b"})
    after = ledger.catalogue.page(EVERYTHING, limit=1).next
    with pytest.raises(UsageError, match="cursor"):
        ledger.catalogue.page(EVERYTHING, limit=1, after=after, order=Order.CREATED_ASC)


def test_a_text_that_is_too_long_is_refused(open_ledger: Callable[..., Ledger]) -> None:
    with pytest.raises(UsageError, match="text"):
        open_ledger().catalogue.page(AssetFilters(text="x" * 201), limit=10)


def test_counts_are_by_state(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger()
    insert_assets(ledger, {"asset": "a"}, {"asset": "b"}, {"asset": "c", "state": "processing"})
    counts = ledger.catalogue.count(EVERYTHING)
    assert counts[AssetState.READY] == 2
    assert counts[AssetState.PROCESSING] == 1
    assert counts[AssetState.DELETING] == 0


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_walk_during_inserts_and_deletes_lists_every_older_asset_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Every asset that exists from the start to the end of the walk is listed exactly once."""
    with Ledger.open(tmp_path_factory.mktemp("walk") / "ledger.db") as ledger:
        numbers = data.draw(st.integers(0, 12))
        older = [f"old-{number}" for number in range(numbers)]
        text = data.draw(st.sampled_from(["", "mp4", "old-"]))
        # Searches rely on unique times of creation, which `unique_time` gives to assets.
        times = [float(number) if text else number // 3 for number in range(numbers)]
        insert_assets(
            ledger, *({"asset": name, "created": at} for name, at in zip(older, times, strict=True))
        )
        order = data.draw(st.sampled_from(Order))
        filters = AssetFilters(text=text)
        walked: list[str] = []
        removed: set[str] = set()
        after, page = "", 0
        while True:
            found = ledger.catalogue.page(
                filters, limit=data.draw(st.integers(1, 4)), after=after, order=order
            )
            walked += [each.asset for each in found.assets]
            if not found.next:
                break
            after, page = found.next, page + 1
            # Anywhere before or after the cursor.
            created = data.draw(st.integers(-1, 20)) + 0.5 + page / 1000
            insert_assets(ledger, {"asset": f"new-{page}", "created": created})
            if data.draw(st.booleans()) and older:
                victim = data.draw(st.sampled_from(older))
                removed.add(victim)
                statement = delete(assets).where(assets.c.asset == victim)
                ledger.write(partial(Connection.execute, statement=statement))
        assert len(walked) == len(set(walked))
        assert set(older) - removed <= set(walked)


def test_a_search_follows_changes_of_names_and_cameras(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger()
    insert_assets(ledger, {"asset": "a", "name": "holiday.mp4"}, {"asset": "b", "name": "work.mp4"})
    ledger.write(
        lambda c: c.execute(
            update(assets).where(assets.c.asset == "a").values(name="ride.mp4", camera="Karma")
        )
    )
    assert listed(ledger, AssetFilters(text="holiday")) == []
    assert listed(ledger, AssetFilters(text="ride karma")) == ["a"]
    ledger.write(lambda c: c.execute(delete(assets).where(assets.c.asset == "a")))
    assert listed(ledger, AssetFilters(text="ride")) == []
    assert listed(ledger, AssetFilters(text="mp4")) == ["b"]


def test_pages_and_searches_read_an_index(tmp_path: Path) -> None:
    """The keys of a page are found without reading rows: in an index of all filters, or of trigrams."""
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        for filters, index in (
            (AssetFilters(owner="a", camera="x"), "assets_owner_created"),
            (AssetFilters(captured_from=1.0), "assets_created"),
            (AssetFilters(owner="a", states=(AssetState.FAILED,)), "assets_state"),
            (AssetFilters(owner="a", text="ride"), "assets_search VIRTUAL TABLE"),
        ):
            query = page_query(filters, Order.CREATED_DESC, (5.0, "a"), 51, full_text=True)
            found = "\n".join(_query_plan(ledger, query))
            assert index in found
            assert "COVERING INDEX" in found


def _query_plan(ledger: Ledger, query: Select[Any]) -> list[str]:
    def explain(connection: Connection) -> list[str]:
        compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
        values = tuple(compiled.params[name] for name in compiled.positiontup or ())
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values)]

    return ledger.read(explain)


def test_without_a_full_text_index_a_search_reads_all_names(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        insert_assets(ledger, {"asset": "a", "name": "ride.mp4"}, {"asset": "b", "name": "work.mp4"})
        query = page_query(AssetFilters(text="RIDE"), Order.CREATED_DESC, None, 10, full_text=False)
        assert [row.asset for row in ledger.read(lambda c: list(c.execute(query)))] == ["a"]


def test_cameras_are_listed_once_and_in_order(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger()
    assert ledger.catalogue.cameras(owner=None) == []
    insert_assets(
        ledger,
        {"asset": "a", "owner": "anna", "camera": "MAX2"},
        {"asset": "b", "owner": "anna", "camera": "HERO9 Black"},
        {"asset": "c", "owner": "bert", "camera": "MAX2"},
        {"asset": "d", "owner": "anna", "camera": None},
        {"asset": "e", "owner": "bert", "camera": "Karma"},
    )
    assert ledger.catalogue.cameras(owner=None) == ["HERO9 Black", "Karma", "MAX2"]
    assert ledger.catalogue.cameras(owner="anna") == ["HERO9 Black", "MAX2"]
    assert ledger.catalogue.cameras(owner="carl") == []
