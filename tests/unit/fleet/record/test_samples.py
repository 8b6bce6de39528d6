"""The minute of a sample."""

from __future__ import annotations

import pytest

from eddyline.fleet.record.samples import PoolSample, minute_of


@pytest.mark.parametrize(
    ("at", "minute"), [(0.0, 0), (59.999, 0), (60.0, 60), (1_800_000_119.5, 1_800_000_060)]
)
def test_the_minute_is_the_start_of_the_minute_that_contains_the_time(at: float, minute: int) -> None:
    assert minute_of(at) == minute


def test_a_sample_of_an_empty_pool_needs_only_its_minute_and_pool() -> None:
    assert PoolSample(minute=0, pool="cpu").backlog_vcpu_s is None
