"""Decides whether and when a failed job is retried. Pure: takes values, returns values."""

from __future__ import annotations

import random
from dataclasses import dataclass

from eddyline.core.backoff import BackoffPolicy


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed attempt: its number from 1, whether a retry may succeed, and when it failed (seconds)."""

    attempt: int
    retry: bool
    at: float
    max_attempts: int | None = None


@dataclass(frozen=True, kw_only=True)
class RetryAt:
    """Retry, no earlier than `at` (seconds since 1970)."""

    at: float


@dataclass(frozen=True, kw_only=True)
class Dead:
    """Do not retry, for this reason."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class RetryPolicy(BackoffPolicy):
    """The number of attempts of a job, and the backoff between them."""

    max_attempts: int = 4
    base_s: float = 1.0
    factor: float = 3.0
    cap_s: float = 300.0

    def decide(self, failure: Failure, rng: random.Random) -> RetryAt | Dead:
        """When to retry a failed attempt, or why not to."""
        if not failure.retry:
            return Dead(reason="a retry cannot succeed")
        allowed = self.max_attempts if failure.max_attempts is None else failure.max_attempts
        if failure.attempt >= allowed:
            return Dead(reason=f"failed {failure.attempt} of {allowed} attempts")
        return RetryAt(at=failure.at + self.delay(failure.attempt, rng))
