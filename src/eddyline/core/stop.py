"""A flag that requests a stop."""

from __future__ import annotations

import threading

from eddyline.core.errors import Interrupted

_EVENT_LOCK = threading.Lock()


class Stop:
    """A flag that is set once and never cleared; safe from any thread.

    Not from a signal handler, which may interrupt the holder of the lock of this flag (see `cli.signals`).
    """

    def __init__(self) -> None:
        self.reason = ""
        self._requested = False
        # Created by the first wait: every job has a flag, and few are waited for.
        self._event: threading.Event | None = None

    def request(self, reason: str) -> None:
        """Request a stop; the first reason is kept."""
        if not self.reason:
            self.reason = reason
        self._requested = True
        if self._event is not None:
            self._event.set()

    @property
    def requested(self) -> bool:
        """Whether a stop was requested."""
        return self._requested

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds`; returns True as soon as a stop is requested."""
        with _EVENT_LOCK:
            self._event = event = self._event or threading.Event()
        # Read after publishing the event: an earlier `request` did not set it.
        return self._requested or event.wait(seconds)

    def check(self) -> None:
        """Raise `Interrupted` if a stop was requested."""
        if self._requested:
            raise Interrupted(f"stopped: {self.reason}")
