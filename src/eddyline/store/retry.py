"""Retries requests to a store that was available a moment ago, so that a short outage loses no work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import EddylineError, TransientError
from eddyline.core.stop import Stop

T = TypeVar("T")
S = TypeVar("S", bound="HasRetrier")
P = ParamSpec("P")

_BACKOFF = BackoffPolicy(base_s=0.2, cap_s=3.0)


class StoreUnavailableError(TransientError):
    """The store could not be reached, was too busy, or broke the connection; a retry may succeed."""


class Retrier:
    """Retries calls for up to `max_s` after their first failure, unless `stop` is requested.

    Retries only after the store has answered once, so that a wrong endpoint is reported immediately. Safe
    from any thread.
    """

    def __init__(
        self, *, max_s: float, stop: Stop | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_s = max_s
        self._stop = stop or Stop()
        self._clock = clock
        self._has_answered = threading.Event()

    def call(self, request: Callable[[], T]) -> T:
        """The result of `request`, which must be idempotent. Raises its errors, and `Interrupted`."""
        backoff: Backoff | None = None
        while True:
            try:
                result = request()
            except StoreUnavailableError:
                backoff = backoff or Backoff(
                    _BACKOFF, wait=self._stop.wait, deadline=self._clock() + self._max_s, clock=self._clock
                )
                if not self._has_answered.is_set() or not backoff.pause():
                    raise
                self._stop.check()
            except EddylineError:
                self._has_answered.set()
                raise
            else:
                self._has_answered.set()
                return result


class HasRetrier(Protocol):
    """A class whose methods `with_retries` may decorate."""

    @property
    def retrier(self) -> Retrier:
        """How its requests are retried."""
        ...


def with_retries(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Decorate an idempotent method so that it is retried while the store is unavailable."""

    @wraps(method)
    def retried(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.retrier.call(lambda: method(self, *args, **kwargs))

    return retried


NO_RETRIES: Final = Retrier(max_s=0.0)
"""Calls once."""
