"""A thread for calls that may block."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from eddyline.core.background_loop import keep_running


class TaskThread:
    """Runs tasks in the order of submission; an exception is logged. `close` does not wait for them."""

    def __init__(self, name: str) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, task: Callable[[], None]) -> None:
        """Run a task after those submitted before it."""
        self._tasks.put(task)

    def close(self) -> None:
        """End the thread after all submitted tasks."""
        self._tasks.put(None)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            keep_running("drain", task)
