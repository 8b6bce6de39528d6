"""Logs once when a service that a process depends on becomes unavailable, and once when it is back.

Retries run many times per second in many threads; a line for each would hide the important one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_LOG = logging.getLogger("eddyline.outages")


class OutageLog:
    """The outages of one service, named `what`; `clock` is monotonic, in seconds. Safe from any thread."""

    def __init__(self, what: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None

    def unavailable(self, error: object) -> None:
        """A call failed because the service cannot be reached."""
        with self._lock:
            if self._since is not None:
                return
            self._since = self._clock()
        _LOG.warning("service unavailable", extra={"service": self._what, "error": str(error)})

    def available(self) -> None:
        """A call succeeded; cheap without an outage."""
        if self._since is None:
            return
        with self._lock:
            since, self._since = self._since, None
        if since is not None:
            outage_s = round(self._clock() - since, 1)
            _LOG.warning("service available again", extra={"service": self._what, "outage_s": outage_s})
