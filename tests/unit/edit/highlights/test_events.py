"""Runs of samples, moving averages and medians, and the rounding of events."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.edit.highlights.events import (
    find_runs,
    make_event,
    moving_average,
    ramp,
    sliding_median,
    strongest,
)

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=60).map(np.array)


def runs(mask: str, **options: float) -> list[tuple[int, int]]:
    found = np.array([each == "x" for each in mask])
    times = np.arange(len(found), dtype=np.float64)
    made = find_runs(found, times, gap_s=options.pop("gap_s", 1.5), **options)
    return list(zip(made.first.tolist(), made.last.tolist(), strict=True))


def test_runs_are_separated_by_samples_without_the_mask() -> None:
    assert runs("xx.x..xxx") == [(0, 1), (3, 3), (6, 8)]
    assert runs("...") == runs("") == []


def test_short_pauses_can_be_bridged() -> None:
    assert runs("xx.x..xxx", bridge_s=2.0) == [(0, 3), (6, 8)]


def test_a_run_ends_where_samples_are_missing() -> None:
    times = np.array([0.0, 0.1, 0.2, 5.0, 5.1])
    made = find_runs(np.ones(5, np.bool_), times, gap_s=0.5)
    assert (made.first.tolist(), made.last.tolist()) == ([0, 3], [2, 4])
    assert made.seconds(times, 0.1).tolist() == pytest.approx([0.3, 0.2])


@settings(max_examples=40)
@given(values=VALUES, before=st.integers(0, 8), after=st.integers(0, 8))
def test_a_sliding_median_is_that_of_each_window(values: np.ndarray, before: int, after: int) -> None:
    if (before + after) % 2:
        after += 1
    padded = np.concatenate(([values[0]] * before, values, [values[-1]] * after))
    expected = [np.median(padded[at : at + before + after + 1]) for at in range(len(values))]
    assert sliding_median(values, before, after).tolist() == expected


@settings(max_examples=40)
@given(values=VALUES, count=st.integers(0, 9))
def test_a_moving_average_is_that_of_each_window(values: np.ndarray, count: int) -> None:
    size = max(count, 1)
    padded = np.concatenate(([values[0]] * (size // 2), values, [values[-1]] * ((size - 1) // 2)))
    expected = [padded[at : at + size].mean() for at in range(len(values))]
    assert moving_average(values, count) == pytest.approx(expected, abs=1e-9)
    assert moving_average(np.stack([values, -values]), count)[1] == pytest.approx(
        -np.array(expected), abs=1e-9
    )


def test_numbers_of_events_are_rounded_and_limited() -> None:
    event = make_event("impact", 1.000049, 2.0, 7.0, 1.7, peak_g=-0.00001)
    assert (event.start_s, event.end_s, event.peak_s, event.score) == (1.0, 2.0, 2.0, 1.0)
    assert str(event.values["peak_g"]) == "0.0"


def test_the_strongest_events_are_kept_in_order_of_time() -> None:
    events = [make_event("spin", at, at + 1, at, score) for at, score in ((5, 0.9), (1, 0.1), (3, 0.8))]
    assert [each.start_s for each in strongest(events, 2)] == [3.0, 5.0]


def test_a_ramp_rises_from_its_base_to_one() -> None:
    assert [ramp(value, 2, 4, base=0.5) for value in (1, 2, 3, 4, 9)] == [0.5, 0.5, 0.75, 1.0, 1.0]
