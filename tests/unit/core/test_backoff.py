"""Exponential backoff: growing delays, jitter, a cap and a deadline."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.clock import ManualClock

POLICY = BackoffPolicy(base_s=1.0, cap_s=5.0, jitter=0.0)


def test_delays_grow_up_to_the_cap() -> None:
    assert [POLICY.delay(attempt) for attempt in range(1, 6)] == [1, 2, 4, 5, 5]


@given(attempt=st.integers(0, 10**9), jitter=st.floats(0, 1), seed=st.integers(0, 99))
def test_jitter_only_shortens_a_delay_and_by_its_share_at_most(
    attempt: int, jitter: float, seed: int
) -> None:
    policy = BackoffPolicy(base_s=1.0, cap_s=300.0, jitter=jitter)
    full = policy.delay(attempt)
    assert full * (1 - jitter) - 1e-9 <= policy.delay(attempt, random.Random(seed)) <= full


def test_the_same_seed_gives_the_same_delays() -> None:
    policy = BackoffPolicy(base_s=1.0, cap_s=300.0)
    assert policy.delay(3, random.Random(5)) == policy.delay(3, random.Random(5))


def test_each_pause_is_longer_until_a_reset() -> None:
    waited: list[float] = []
    backoff = Backoff(POLICY, wait=waited.append)
    for _ in range(4):
        assert backoff.pause()
    backoff.reset()
    assert backoff.pause()
    assert waited == [1, 2, 4, 5, 1]


@pytest.mark.parametrize(("deadline_s", "pauses"), [(0.5, 0), (1.0, 1), (6.9, 2), (7.0, 3)])
def test_no_pause_passes_the_deadline(deadline_s: float, pauses: int) -> None:
    clock = ManualClock(0.0)
    backoff = Backoff(POLICY, wait=clock.sleep, clock=clock.now, deadline=deadline_s)
    count = 0
    while backoff.pause():
        count += 1
    assert count == pauses
    assert clock.now() <= deadline_s
