"""Waiting for a condition in tests: one polling loop with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

_FIRST_PAUSE_S = 0.002
_LONGEST_PAUSE_S = 0.05


def wait_until(
    condition: Callable[[], object],
    *,
    timeout_s: float = 30.0,
    message: str | Callable[[], object] = "the condition did not become true",
) -> float:
    """Poll `condition` until it returns a true value; returns the seconds waited.

    Raises AssertionError with `message` (or what it returns) after `timeout_s` seconds.
    """
    started = time.monotonic()
    pause = _FIRST_PAUSE_S
    while not condition():
        if time.monotonic() - started > timeout_s:
            raise AssertionError(f"after {timeout_s:g} s: {message() if callable(message) else message}")
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)
    return time.monotonic() - started
