"""Background tasks of a process: each runs its step again and again in a thread, until the process stops."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from eddyline.core.background_loop import keep_running
from eddyline.core.errors import EddylineError
from eddyline.core.stop import Stop

END_S = 0.3
"""The maximum time in seconds of the end of all tasks together: a signal ends a process within a second."""

_LOG = logging.getLogger("eddyline.loops")


@dataclass(frozen=True, kw_only=True)
class BackgroundTask:
    """Runs `step` every `every_s` seconds; again at once if it returns something true: there is more to do.

    The process may end during a step, which must be harmless: a later one continues. A step that takes long
    returns soon after `stop` is requested. `EddylineError`s are logged, and the next step tries again.
    """

    name: str
    step: Callable[[Stop], object]
    every_s: float = 1.0


@contextmanager
def run_tasks(tasks: Sequence[BackgroundTask], *, end_s: float = END_S) -> Iterator[None]:
    """Run the tasks inside the context, each in a thread; its end waits at most `end_s` for all of them."""
    stop = Stop()
    threads = [
        threading.Thread(target=_run, args=(task, stop), name=task.name, daemon=True) for task in tasks
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.request("the process is stopping")
        deadline = time.monotonic() + end_s
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0.0))


def _run(task: BackgroundTask, stop: Stop) -> None:
    again = False

    def step() -> None:
        nonlocal again
        again = False
        try:
            again = bool(task.step(stop))
        except EddylineError as error:
            _LOG.warning("background task failed", extra={"task": task.name, "error": str(error)})

    while not stop.requested:
        keep_running(task.name, step)
        if not again:
            stop.wait(task.every_s)
