"""Market files: round trips, and errors that name the pool and the entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.sim.market.markets import market, markets, pool

from eddyline.core.errors import EddylineError, UsageError
from eddyline.sim.market.file import encode_market, read_market, write_market
from eddyline.sim.market.market import Hazard, Market, Wave
from eddyline.sim.market.parse import parse_market
from eddyline.sim.market.strict_json import parse_json


def plain(**pool_fields: Any) -> dict[str, Any]:
    each = {"name": "a", "type": "p3.2xlarge", "zone": "us-east-1f", "units": 4, "capacity": [[0, 4]]}
    each = {key: value for key, value in {**each, **pool_fields}.items() if value != "absent"}
    return {
        "format": "spot-market",
        "version": 1,
        "name": "m",
        "source": "s",
        "licence": "MIT",
        "note": "",
        "end_s": 600,
        "pools": [each],
    }


@given(markets)
def test_a_market_is_read_as_it_was_written(given_market: Market) -> None:
    assert parse_market(parse_json(encode_market(given_market), "m"), "m") == given_market


def test_hazards_and_waves_are_read_as_they_were_written(tmp_path: Path) -> None:
    hazard = Hazard(per_hour=0.1, early_per_hour=0.2, late_per_hour=0.3)
    original = market(pool(capacity=((0.0, 5),), hazard=hazard, waves=(Wave(at=5.0, share=0.5),)))
    write_market(tmp_path / "m.json", original)
    assert read_market(tmp_path / "m.json") == original


def test_unknown_keys_are_ignored_and_texts_may_be_absent() -> None:
    fields = plain(price=3) | {"later": {"a": [1]}}
    for key in ("name", "source", "licence", "note"):
        del fields[key]
    found = parse_market(fields, Path("traces/p3.json"))
    assert (found.name, found.source, found.pools[0].capacity) == ("p3", "", ((0.0, 4),))


def test_equal_counts_are_merged_and_empty_nodes_left_out() -> None:
    merged = parse_market(plain(capacity=[[0, 4], [60, 4], [120, 1]]), "m").pools[0]
    assert merged.capacity == ((0.0, 4), (120.0, 1))
    nodes = parse_market(plain(capacity="absent", nodes=[[9, 9], [5, None], [1, 2]]), "m").pools[0]
    assert nodes.nodes == ((1.0, 2.0), (5.0, None))


def test_a_pool_without_any_node_never_had_capacity() -> None:
    assert parse_market(plain(capacity="absent", nodes=[]), "m").pools[0].capacity == ((0.0, 0),)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"capacity": [[0, 5]]}, r"pool a: capacity entry 1: 5 is more than the 4 units"),
        ({"capacity": [[0, -1]]}, "capacity entry 1: count"),
        ({"capacity": [[0, 1.5]]}, "1.5 is not a whole number"),
        ({"capacity": [[0, True]]}, "capacity entry 1: count"),
        ({"capacity": [[1, 4]]}, "the first change must be at 0"),
        ({"capacity": [[0, 4], [60, 1], [60, 2]]}, "entry 3: 60 s is not after"),
        ({"capacity": [[0, 4], [700, 1]]}, "entry 2: t_s: expected a number from 0 to 600"),
        ({"capacity": [[0, 4], [10**400, 1]]}, "a very large integer"),
        ({"capacity": [[0, 10**400]]}, "a very large integer"),
        ({"capacity": [[0, 4, 1]]}, r"expected \[t_s, count\]"),
        ({"capacity": {"0": 4}}, "capacity: expected a list"),
        ({"capacity": "absent"}, "neither capacity nor nodes"),
        ({"capacity": []}, "neither capacity nor nodes"),
        ({"nodes": [[0, 5]]}, "has capacity and nodes"),
        ({"capacity": "absent", "nodes": [[50, 20]]}, "nodes entry 1: it ends at 20 s, before"),
        ({"capacity": "absent", "nodes": [[None, 20]]}, "nodes entry 1: from_s"),
        ({"units": 0}, "pool a: units"),
        ({"units": 10**9}, "pool a: units"),
        ({"name": ""}, "pool 1: name"),
        ({"name": "a\nb"}, "pool 1: name"),
        ({"name": "\ud800"}, "pool 1: name"),
        ({"name": "x" * 101}, "pool 1: name"),
        ({"type": None}, "pool a: type"),
        ({"zone": 4}, "pool a: zone"),
        ({"hazard": 4}, "hazard: expected an object"),
        ({"hazard": {"per_hour": -1}}, "hazard: per_hour"),
        ({"hazard": {"per_hour": 1, "early_s": 0}}, "early_s must be more than 0"),
        ({"waves": [[5, 2]]}, "waves entry 1: share"),
    ],
)
def test_a_wrong_pool_is_refused_with_its_entry(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_market(plain(**fields), "m.json")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": "trace"}, "not a market"),
        ({"version": 2}, "version 2 is not supported"),
        ({"end_s": 0}, "end_s must be more than 0"),
        ({"end_s": "600"}, "end_s: expected a number"),
        ({"pools": []}, "pools: expected a list of 1 to"),
        ({"pools": [4]}, "pool 1: expected an object"),
        ({"pools": plain()["pools"] * 2}, "two pools have the name a"),
        ({"pools": [{}] * 10_001}, "pools: expected a list of 1 to"),
        ({"note": 4}, "note: expected"),
        ({"note": "x" * 10_001}, "note: expected"),
    ],
)
def test_a_wrong_market_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_market(plain() | fields, "m.json")


def test_entries_are_counted_before_they_are_read() -> None:
    with pytest.raises(UsageError, match="changes and nodes"):
        parse_market(plain(capacity=[None] * 1_000_001), "m.json")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not valid JSON"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b'{"a": 1, "a": 2}', "the key 'a' occurs twice"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 1_200_000, "lists and objects"),
        (b"\xff", "not valid JSON"),
        (b"[1,]", "not valid JSON"),
    ],
)
def test_wrong_json_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=message):
        read_market(path)


def test_a_file_that_is_too_large_or_absent_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    with path.open("wb") as file:
        file.truncate(33 * 1024 * 1024)
    with pytest.raises(UsageError, match="larger than 32 MiB"):
        read_market(path)
    with pytest.raises(UsageError, match="No such file"):
        read_market(tmp_path / "absent.json")


_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.sampled_from(["name", "type", "zone", "units", "capacity", "nodes", "hazard", "waves"]), _values)
def test_any_value_of_a_key_is_accepted_or_refused(key: str, value: object) -> None:
    text = json.dumps(plain(**{key: value}))
    try:
        parse_market(parse_json(text.encode(), "m"), "m")
    except UsageError as error:
        assert isinstance(error, EddylineError)  # noqa: PT017
