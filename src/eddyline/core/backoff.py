"""Exponential backoff: how long to wait before the next attempt of an operation that failed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

_MAX_EXPONENT = 64  # keeps a huge attempt number from overflowing a float


@dataclass(frozen=True, kw_only=True)
class BackoffPolicy:
    """Delays of `base_s`, times `factor` for every further attempt, at most `cap_s` (seconds).

    `jitter` is the share of each delay that is random, so that processes which failed together do not retry
    together: a delay of d seconds becomes one between (1 - jitter) * d and d.
    """

    base_s: float
    cap_s: float
    factor: float = 2.0
    jitter: float = 0.25

    def delay(self, attempt: int, rng: random.Random | None = None) -> float:
        """Seconds to wait after failed attempt number `attempt`, from 1; without jitter if `rng` is None."""
        delay = min(self.cap_s, self.base_s * self.factor ** min(max(attempt, 1) - 1, _MAX_EXPONENT))
        return delay if rng is None else delay * (1 - self.jitter * rng.random())


class Backoff:
    """The state of one retry loop: waits ever longer after each failure, until `reset`. For one thread.

    `wait` lets seconds pass; pass `stop.wait` for a loop that can be stopped. `deadline` is a time of `clock`
    after which `pause` refuses to wait.
    """

    def __init__(
        self,
        policy: BackoffPolicy,
        *,
        wait: Callable[[float], object] = time.sleep,
        deadline: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._policy = policy
        self._wait = wait
        self._deadline = deadline
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._failures = 0

    def pause(self) -> bool:
        """Wait before the next attempt; returns False, without waiting, if that would pass the deadline."""
        self._failures += 1
        delay = self._policy.delay(self._failures, self._rng)
        if self._clock() + delay > self._deadline:
            return False
        self._wait(delay)
        return True

    def reset(self) -> None:
        """Start again with the shortest delay, after a success."""
        self._failures = 0
