"""Calls that may take long, done one after the other by somebody else."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from eddyline.core.background_loop import keep_running


class TaskThread:
    """A thread that runs what is sent to it; what raises is logged. `close` waits for none."""

    def __init__(self, name: str) -> None:
        self._sent: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def send(self, errand: Callable[[], None]) -> None:
        """Have it done as soon as those before it are."""
        self._sent.put(errand)

    def close(self) -> None:
        """Let the thread end once all that was sent is done."""
        self._sent.put(None)

    def _run(self) -> None:
        while (errand := self._sent.get()) is not None:
            keep_running("drainer", errand)
