"""Whether a failed job is tried again, and when. Pure: takes values, returns values."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed attempt: its number (1 is the first), whether trying again can help, when it failed (s)."""

    attempt: int
    retry: bool
    at: float
    max_attempts: int | None = None


@dataclass(frozen=True, kw_only=True)
class RetryAt:
    """Try again, no earlier than `at` (seconds since 1970)."""

    at: float


@dataclass(frozen=True, kw_only=True)
class Dead:
    """Do not try again, and why."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff: `base_s`, times `factor` for every further attempt, at most `cap_s`.

    `jitter` is the share of a delay that is left to chance, so that jobs which failed together do not come
    back together; a delay is never longer than without it.
    """

    max_attempts: int = 4
    base_s: float = 1.0
    factor: float = 3.0
    cap_s: float = 300.0
    jitter: float = 0.25

    def delay(self, attempt: int, rng: random.Random) -> float:
        """Seconds to wait after the failure of `attempt` (1 is the first)."""
        # The exponent is bounded so that a huge attempt number cannot overflow a float.
        whole = min(self.cap_s, self.base_s * self.factor ** min(max(attempt, 1) - 1, 64))
        return whole * (1 - self.jitter * rng.random())

    def decide(self, failure: Failure, rng: random.Random) -> RetryAt | Dead:
        """When to try again, or why not to."""
        if not failure.retry:
            return Dead(reason="trying again cannot help")
        allowed = self.max_attempts if failure.max_attempts is None else failure.max_attempts
        if failure.attempt >= allowed:
            return Dead(reason=f"failed {failure.attempt} of {allowed} attempts")
        return RetryAt(at=failure.at + self.delay(failure.attempt, rng))
