"""Asking a store again that was there a moment ago, so that an outage of seconds costs no job its work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from eddyline.core.errors import EddylineError, TransientError
from eddyline.core.stop import Stop

T = TypeVar("T")
S = TypeVar("S", bound="RetryLoop")
P = ParamSpec("P")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 3.0


class StoreUnavailableError(TransientError):
    """A store that could not be reached, was too busy, or broke off: asked again, it may well answer."""


class RetrySettings:
    """Asks again for up to `seconds` after the first failure, unless `stop` is requested meanwhile.

    Not before something was answered: a wrong endpoint must be told at once. Safe from any thread.
    """

    def __init__(self, *, seconds: float, stop: Stop | None = None) -> None:
        self._seconds = seconds
        self._stop = stop or Stop()
        self._answered = threading.Event()

    def ask(self, call: Callable[[], T]) -> T:
        """What `call` gives; it must be safe to repeat. Raises its errors, and `Interrupted`."""
        began: float | None = None
        pause = _FIRST_PAUSE_S
        while True:
            try:
                answer = call()
            except StoreUnavailableError:
                now = time.monotonic()
                began = now if began is None else began
                if not self._answered.is_set() or now + pause - began > self._seconds:
                    raise
            except EddylineError:
                self._answered.set()
                raise
            else:
                self._answered.set()
                return answer
            self._stop.wait(pause)
            self._stop.check()
            pause = min(2 * pause, _LONGEST_PAUSE_S)


class RetryLoop(Protocol):
    """Whoever asks a store with patience."""

    @property
    def patience(self) -> RetrySettings:
        """How long it asks again."""
        ...


def with_retries(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Ask again where the store was away for a moment. Not for what must not be done twice."""

    @wraps(method)
    def ask(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.patience.ask(lambda: method(self, *args, **kwargs))

    return ask


NONE = RetrySettings(seconds=0.0)
"""Asks once."""
