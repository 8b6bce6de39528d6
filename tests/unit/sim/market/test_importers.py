"""Importers of recorded traces."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shared_files import data_file

from eddyline.core.errors import UsageError
from eddyline.sim.market.figures import summary
from eddyline.sim.market.importers import ImportOptions, import_market, merge_equal
from eddyline.sim.market.market import Market


def imported(tmp_path: Path, text: str, name: str = "us-east-1f_v100.csv", **options: Any) -> Market:
    path = tmp_path / name
    path.write_text(text)
    return import_market(path, ImportOptions(**options))


def listed(tmp_path: Path, value: object, **options: Any) -> Market:
    return imported(tmp_path, json.dumps(value), "trace.json", **options)


def test_a_trace_of_nodes_becomes_a_pool_of_nodes(tmp_path: Path) -> None:
    text = "0,add,n1\n60000,add,n2\n60000,add,n3\n60000,remove,n3\n90000,remove,n1\n120000,add,n1\n"
    market = imported(tmp_path, text, type="p3.2xlarge", zone="us-east-1f", licence="MIT")
    (pool,) = market.pools
    assert pool.nodes == ((0.0, 90.0), (60.0, None), (120.0, None))
    assert (market.end_s, pool.units, pool.type, pool.zone) == (120.0, 2, "p3.2xlarge", "us-east-1f")
    assert (market.name, market.source, market.licence) == ("us-east-1f_v100", "us-east-1f_v100.csv", "MIT")
    assert "lower bound" in market.note


@pytest.mark.parametrize(
    ("name", "added", "reclaimed", "hours"), [("g4dn", 79, 74, 10.8), ("p3", 177, 167, 11.4)]
)
def test_the_recorded_traces_have_their_known_figures(
    name: str, added: int, reclaimed: int, hours: float
) -> None:
    market = import_market(data_file(f"traces/{name}-trace.csv"), ImportOptions())
    (figures,) = summary(market)
    assert (figures.added, figures.reclaimed) == (added, reclaimed)
    assert market.end_s / 3600 == pytest.approx(hours, abs=0.05)


def test_samples_are_merged_and_the_last_holds_for_their_distance(tmp_path: Path) -> None:
    market = imported(tmp_path, "t_s,count\n1000,4\n1060,4\n1120,0\n1180,2\n")
    assert market.pools[0].capacity == ((0.0, 4), (120.0, 0), (180.0, 2))
    assert (market.end_s, market.pools[0].units) == (240.0, 4)


def test_the_last_of_some_runs_marks_the_end(tmp_path: Path) -> None:
    market = imported(tmp_path, "0,4\n100,2\n500.5,0\n")
    assert market.pools[0].capacity == ((0.0, 4), (100.0, 2))
    assert market.end_s == 500.5


def test_with_an_interval_the_last_line_holds_for_it(tmp_path: Path) -> None:
    market = imported(tmp_path, "0,4\n100,2\n500,0\n", interval_s=60.0, units=16)
    assert market.pools[0].capacity == ((0.0, 4), (100.0, 2), (500.0, 0))
    assert (market.end_s, market.pools[0].units) == (560.0, 16)


def test_a_list_has_a_value_for_each_interval(tmp_path: Path) -> None:
    market = listed(tmp_path, {"metadata": {"gap_seconds": 300}, "data": [0, 0, 16, 16, 7]})
    assert market.pools[0].capacity == ((0.0, 0), (600.0, 16), (1200.0, 7))
    assert (market.end_s, market.pools[0].units) == (1500.0, 16)


def test_a_plain_list_needs_an_interval(tmp_path: Path) -> None:
    assert listed(tmp_path, [1, 0], interval_s=60.0).pools[0].capacity == ((0.0, 1), (60.0, 0))
    with pytest.raises(UsageError, match="gap_seconds"):
        listed(tmp_path, [1, 0])


def test_a_list_may_count_preempted_units(tmp_path: Path) -> None:
    ones = listed(tmp_path, [0, 1, 0], interval_s=60.0, preempted=True)
    assert ones.pools[0].capacity == ((0.0, 1), (60.0, 0), (120.0, 1))
    four = listed(tmp_path, [0, 1, 4], interval_s=60.0, preempted=True, units=4)
    assert four.pools[0].capacity == ((0.0, 4), (60.0, 3), (120.0, 0))
    never = listed(tmp_path, [0, 0], interval_s=60.0, preempted=True)
    assert never.pools[0].capacity == ((0.0, 1),)


def test_a_list_of_zeros_never_has_capacity(tmp_path: Path) -> None:
    market = listed(tmp_path, [0, 0], interval_s=60.0)
    assert (market.pools[0].capacity, market.pools[0].units) == (((0.0, 0),), 1)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_merged_counts_hold_at_every_sample(counts: list[int]) -> None:
    merged = list(merge_equal([(float(n), count) for n, count in enumerate(counts)]))
    for number, count in enumerate(counts):
        assert [value for at, value in merged if at <= number][-1] == count
    assert all(a[1] != b[1] for a, b in itertools.pairwise(merged))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("0,add,n1\n", "covers no time"),
        ("0,add,n1\n5,start,n2\n", "line 2: expected milliseconds"),
        ("t_s,count\n", "no line has a time"),
        ("0,4\n0,3\n", "line 2: the time is not after"),
        ("0,4\n60,-1\n", "line 2: expected t_s,count"),
        ("0,4\nnan,1\n", "line 2: expected t_s,count"),
        ("0,4\n60,1.5\n", "line 2: the count is not a whole number"),
        ("0,4\n60,9999999\n", "line 2: the count is not a whole number"),
        ("0,4\n999999999999,1\n", "longer than ten years"),
        ("0,4\n", "covers no time"),
        ("a,b,c,d\n", "line 1: expected t_s,count"),
        ('{"data": []}', "expected a list of values"),
        ('{"format": "spot-market"}', "is a market already"),
        ("[1, 2.5]", "value 2: expected a whole number"),
        ("[1, -1]", "value 2"),
        ('[1, "1"]', "value 2"),
        ("[1, 1e999]", "value 2"),
        ("[[1]]", "value 1"),
        ("[" * 5000, "nested too deeply"),
    ],
)
def test_wrong_traces_are_refused(tmp_path: Path, text: str, message: str) -> None:
    interval = 60.0 if text.startswith("[") else None
    with pytest.raises(UsageError, match=message):
        imported(tmp_path, text, interval_s=interval)


@pytest.mark.parametrize("gap", [0, -5, True, "300", 1e12, []])
def test_a_wrong_gap_is_refused(tmp_path: Path, gap: object) -> None:
    with pytest.raises(UsageError, match="gap_seconds"):
        listed(tmp_path, {"metadata": {"gap_seconds": gap}, "data": [1]})


def test_a_list_longer_than_ten_years_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="more than ten years"):
        listed(tmp_path, [1] * 100, interval_s=1e7)


def test_fewer_units_than_were_available_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="4 units were available, 3 were probed"):
        imported(tmp_path, "0,4\n60,1\n", units=3)
    with pytest.raises(UsageError, match="value 1"):
        listed(tmp_path, [4], interval_s=1.0, units=3, preempted=True)


def test_preempted_is_for_lists(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a list"):
        imported(tmp_path, "0,4\n60,1\n", preempted=True)


def test_names_are_checked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--zone"):
        imported(tmp_path, "0,4\n60,1\n", zone="a\nb")
