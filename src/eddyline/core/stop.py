"""The one way to be told to stop."""

from __future__ import annotations

import threading

from eddyline.core.errors import Interrupted


class Stop:
    """A flag that is raised once and never lowered; safe from any thread.

    Not from a signal handler: it may interrupt this very flag's lock (see `cli.interrupt` for the way round).
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.reason = ""

    def request(self, reason: str) -> None:
        """Ask everything that watches this flag to stop; the first reason is kept."""
        if not self.reason:
            self.reason = reason
        self._event.set()

    @property
    def requested(self) -> bool:
        """Whether anyone has asked to stop."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds`; true as soon as a stop is requested."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raise `Interrupted` if a stop was requested."""
        if self._event.is_set():
            raise Interrupted(f"stopped: {self.reason}")
