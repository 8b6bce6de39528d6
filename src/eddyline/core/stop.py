"""The one way to be told to stop."""

from __future__ import annotations

import threading

from eddyline.core.errors import Interrupted

_FIRST = threading.Lock()


class Stop:
    """A flag that is raised once and never lowered; safe from any thread.

    Not from a signal handler: it may interrupt this very flag's lock (see `cli.interrupt` for the way round).
    """

    def __init__(self) -> None:
        self.reason = ""
        self._requested = False
        # Made for whoever waits first: there is a flag for every job, and few are ever waited for.
        self._event: threading.Event | None = None

    def request(self, reason: str) -> None:
        """Ask everything that watches this flag to stop; the first reason is kept."""
        if not self.reason:
            self.reason = reason
        self._requested = True
        if self._event is not None:
            self._event.set()

    @property
    def requested(self) -> bool:
        """Whether anyone has asked to stop."""
        return self._requested

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds`; true as soon as a stop is requested."""
        with _FIRST:
            self._event = event = self._event or threading.Event()
        # Looked at once the event is there for all to see: whoever asked before did not see it.
        return self._requested or event.wait(seconds)

    def check(self) -> None:
        """Raise `Interrupted` if a stop was requested."""
        if self._requested:
            raise Interrupted(f"stopped: {self.reason}")
