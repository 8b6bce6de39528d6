"""Ends a rewrap that gets nowhere, by what FFmpeg reports of its progress.

A sparse file of a terabyte of zeros is read for hours and gives no packet; the file's size says nothing of
how long a rewrap may take. What it has written, and up to which time, does.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from eddyline.core.errors import InputError

_STALLED_S = 30.0
_COUNTED = frozenset({"frame", "total_size", "out_time_us"})


class StallDetector:
    """Takes the lines of `-progress`; raises `InputError` once none of its numbers grew for 30 s."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, stalled_s: float = _STALLED_S) -> None:
        self._clock, self._stalled_s = clock, stalled_s
        self._most: dict[str, int] = {}
        self._grew = clock()

    def __call__(self, line: str) -> None:
        """Take one line, such as "total_size=262144"."""
        key, _, value = line.strip().partition("=")
        if key in _COUNTED and value[:20].isdigit() and int(value[:20]) > self._most.get(key, -1):
            if key in self._most or int(value[:20]) > 0:
                self._grew = self._clock()
            self._most[key] = int(value[:20])
        if self._clock() - self._grew > self._stalled_s:
            raise stall_error(self._stalled_s)


def stall_error(seconds: float) -> InputError:
    """The error for a file in which FFmpeg found nothing more for so many seconds."""
    return InputError(
        f"FFmpeg found nothing more to read in this file for {seconds:.0f} s",
        remedy="play the file to its end in a player; if its end is missing, copy it again, or cut off what"
        " follows the recording",
        reason="no-progress",
    )
