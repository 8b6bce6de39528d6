"""Rates of work, measured from jobs that were done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.scaling.work_rates import DEFAULT_S, WorkRates
from eddyline.graph.pool_load import EndedStart


def ended(seconds: float, *, kind: str = "chunk", pool: str = "cpu", weight: float = 10.0) -> EndedStart:
    return EndedStart(pool=pool, kind=kind, weight=weight, seconds=seconds)


def test_the_default_counts_until_something_was_measured() -> None:
    rates = WorkRates()
    assert rates.seconds("cpu", "chunk", 40.0) == pytest.approx(40 * DEFAULT_S)
    assert not rates.is_measured("cpu")


def test_the_median_of_recent_jobs_counts() -> None:
    rates = WorkRates()
    rates.measure([ended(5.0), ended(6.0), ended(9000.0)])
    assert rates.seconds("cpu", "chunk", 10.0) == pytest.approx(6.0)
    assert rates.is_measured("cpu")
    assert not rates.is_measured("gpu")


def test_kinds_and_pools_are_measured_separately_and_kept() -> None:
    rates = WorkRates()
    rates.measure([ended(5.0), ended(1.0, kind="audio"), ended(2.0, pool="gpu")])
    rates.measure([ended(8.0)])
    found = [rates.seconds(*key, 10.0) for key in (("cpu", "chunk"), ("cpu", "audio"), ("gpu", "chunk"))]
    assert found == pytest.approx([8.0, 1.0, 2.0])


def test_only_the_latest_jobs_count() -> None:
    rates = WorkRates()
    rates.measure([ended(1.0)] * 200 + [ended(50.0)] * 1000)
    assert rates.seconds("cpu", "chunk", 10.0) == pytest.approx(1.0)


@given(st.lists(st.tuples(st.floats(-10, 1e6), st.floats(0, 1e6)), max_size=20), st.floats(-1, 1e9))
def test_an_estimate_is_finite_and_not_negative(jobs: list[tuple[float, float]], weight: float) -> None:
    rates = WorkRates()
    rates.measure([ended(seconds, weight=each) for seconds, each in jobs])
    assert 0 <= rates.seconds("cpu", "chunk", weight) < float("inf")
