"""Delivers events in order in a thread, so that the sender does not wait."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

_T = TypeVar("_T")


@contextmanager
def delivered_to(receive: Callable[[_T], None]) -> Iterator[Callable[[_T], None]]:
    """A function that passes its argument to `receive` in a thread; all are delivered before the end."""
    events: queue.SimpleQueue[tuple[_T] | None] = queue.SimpleQueue()

    def deliver() -> None:
        while (found := events.get()) is not None:
            receive(found[0])

    thread = threading.Thread(target=deliver)
    thread.start()
    try:
        yield lambda event: events.put((event,))
    finally:
        events.put(None)
        thread.join()
