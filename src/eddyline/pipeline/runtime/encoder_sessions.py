"""Limits the hardware encoders that the jobs of one worker run at once: a device may allow only a few.

A chunk job opens a session for each of its rungs, so that the number of slots alone does not say how many.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from eddyline.core.errors import UnsupportedError
from eddyline.core.stop import Stop

_POLL_S = 0.2


class EncoderSessions:
    """At most `limit` sessions at once (None: any number); safe from any thread, first come, first served."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._free = limit or 0
        self._queue: list[object] = []
        self._lock = threading.Lock()

    @contextmanager
    def take(self, count: int, stop: Stop) -> Iterator[None]:
        """Hold `count` sessions inside the context, once they are free.

        Raises `Interrupted` if a stop is requested meanwhile, `UnsupportedError` if there are never so many.
        """
        if self._limit is None or count == 0:
            yield
            return
        if count > self._limit:
            raise UnsupportedError(
                f"a chunk of this asset needs {count} encoder sessions, and this pool has {self._limit}",
                remedy="raise slot.encoder_sessions of the pool, or use a profile with fewer rungs",
            )
        place = object()
        with self._lock:
            self._queue.append(place)
        try:
            while not self._admit(place, count):
                stop.wait(_POLL_S)
                stop.check()
        except BaseException:
            with self._lock:
                self._queue.remove(place)
            raise
        try:
            yield
        finally:
            with self._lock:
                self._free += count

    def _admit(self, place: object, count: int) -> bool:
        with self._lock:
            if self._queue[0] is not place or self._free < count:
                return False
            self._queue.pop(0)
            self._free -= count
            return True
