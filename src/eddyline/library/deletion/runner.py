"""Finishes deletions in the background of a server, those of killed processes included."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from eddyline.core.background_loop import keep_running
from eddyline.core.errors import EddylineError
from eddyline.library.deletion.deletion import AssetDeletion

_EVERY_S = 1.0
_CHECK_EVERY_S = 30.0
_JOIN_S = 0.3  # a signal ends the server within a second; rounds may be cut off
_LOG = logging.getLogger("eddyline.deletion")


class DeletionRunner:
    """Runs in a thread between `start` and `close`. Several servers may run one: steps can be repeated.

    `sweep` is called at the start and every 30 s: it removes what the caches of this server have of assets
    that another process deleted.
    """

    def __init__(
        self,
        deletion: AssetDeletion,
        *,
        every_s: float = _EVERY_S,
        sweep: Callable[[], None] = lambda: None,
    ) -> None:
        self._deletion = deletion
        self._sweep = sweep
        self._every_s = every_s
        self._next_check = 0.0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="deletion", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread; waits at most 0.3 s for a step in progress. Idempotent."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def run_once(self) -> int:
        """One step of every asset that is being deleted; returns how many were deleted."""
        deleted = 0
        for asset, source in self._deletion.being_deleted():
            if self._closed.is_set():
                break
            try:
                deleted += self._deletion.step(asset, source).deleted
            except EddylineError as error:
                _LOG.warning("deletion of an asset failed", extra={"asset": asset, "error": str(error)})
        if time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + _CHECK_EVERY_S
            self._deletion.check_late_output()
            self._sweep()
        return deleted

    def _run(self) -> None:
        while not self._closed.wait(self._every_s):
            keep_running("deletion", self._round)

    def _round(self) -> None:
        try:
            self.run_once()
        except EddylineError as error:
            _LOG.warning("deletion of assets failed", extra={"error": str(error)})
