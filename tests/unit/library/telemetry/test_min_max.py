from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.library.telemetry.min_max import reduce

TIMES = np.arange(1000) / 10
VALUES = np.sin(TIMES) + np.where(np.arange(1000) == 617, 50, 0)


def test_every_peak_is_kept() -> None:
    times = np.arange(1000.0)
    found = reduce(times, [VALUES], start_s=None, end_s=None, points=20)
    assert (len(found.times), found.samples, found.reduced) == (10, 1000, True)
    assert found.maxima[0].max() == VALUES[617]
    for n, start in enumerate(range(0, 1000, 100)):
        bucket = VALUES[start : start + 100]
        assert (found.minima[0][n], found.maxima[0][n]) == (bucket.min(), bucket.max())
    assert found.times.tolist() == times[::100].tolist()


def test_a_range_is_half_open_and_small_ones_are_complete() -> None:
    found = reduce(TIMES, [VALUES], start_s=1.0, end_s=2.0, points=10)
    assert (found.samples, found.reduced) == (10, False)
    assert found.times.tolist() == TIMES[10:20].tolist()
    assert found.minima[0].tolist() == found.maxima[0].tolist() == VALUES[10:20].tolist()


@pytest.mark.parametrize(("start", "end"), [(500.0, None), (None, -1.0), (20.0, 10.0), (3.01, 3.05)])
def test_a_range_without_samples_is_empty(start: float | None, end: float | None) -> None:
    found = reduce(TIMES, [VALUES], start_s=start, end_s=end, points=10)
    assert (found.samples, len(found.times), len(found.minima[0])) == (0, 0, 0)


def test_what_is_not_a_number_is_ignored_where_there_are_numbers() -> None:
    values = np.where(np.arange(1000) % 2 == 0, np.nan, 1.0)
    values[:200] = np.nan
    found = reduce(TIMES, [values], start_s=None, end_s=None, points=20)
    assert np.isnan(found.maxima[0][0])
    assert found.maxima[0][2:].tolist() == [1.0] * 8


def test_integers_stay_integers() -> None:
    found = reduce(np.arange(1000.0), [np.arange(1000, dtype=np.uint16)], start_s=None, end_s=None, points=4)
    assert found.maxima[0].tolist() == [499, 999]
    assert found.maxima[0].dtype == np.uint16


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.integers(2, 50))
def test_buckets_partition_the_samples(times: list[float], points: int) -> None:
    values = np.arange(len(times), dtype=np.float64)
    found = reduce(np.sort(np.array(times)), [values], start_s=None, end_s=None, points=points)
    assert found.minima[0][0] == 0
    assert found.maxima[0][-1] == len(times) - 1
    assert (found.minima[0][1:] == found.maxima[0][:-1] + 1).all()
    assert len(found.times) <= points
