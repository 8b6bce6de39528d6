from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from eddyline.graph.retry import Dead, Failure, RetryAt, RetryPolicy


def test_delays_grow_by_the_factor_up_to_the_cap() -> None:
    policy = RetryPolicy(base_s=1, factor=3, cap_s=20, jitter=0)
    rng = random.Random(1)
    assert [policy.delay(attempt, rng) for attempt in range(1, 6)] == [1, 3, 9, 20, 20]


def test_a_job_is_dead_after_its_last_allowed_attempt() -> None:
    policy = RetryPolicy(max_attempts=3, jitter=0)
    rng = random.Random(1)
    assert policy.decide(Failure(attempt=2, retry=True, at=100.0), rng) == RetryAt(at=103.0)
    assert policy.decide(Failure(attempt=3, retry=True, at=100.0), rng) == Dead(
        reason="failed 3 of 3 attempts"
    )


def test_a_job_can_override_the_number_of_attempts() -> None:
    failure = Failure(attempt=1, retry=True, at=0.0, max_attempts=1)
    assert isinstance(RetryPolicy().decide(failure, random.Random(1)), Dead)


def test_a_permanent_failure_is_not_retried() -> None:
    assert isinstance(RetryPolicy().decide(Failure(attempt=1, retry=False, at=0.0), random.Random(1)), Dead)


def test_equal_generators_produce_equal_delays() -> None:
    policy = RetryPolicy()
    assert policy.delay(3, random.Random(5)) == policy.delay(3, random.Random(5))


@given(attempt=st.integers(0, 10**9), seed=st.integers(0, 2**32), jitter=st.floats(0, 1))
def test_a_delay_is_between_zero_and_the_cap(attempt: int, seed: int, jitter: float) -> None:
    policy = RetryPolicy(jitter=jitter)
    assert 0 <= policy.delay(attempt, random.Random(seed)) <= policy.cap_s
