"""Stops a remux that makes no progress, according to FFmpeg's progress reports.

FFmpeg reads a sparse file of a terabyte of zeros for hours without finding a packet, so the size of a file
does not bound the time of its remux. The bytes, frames and media time that FFmpeg has written do.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from eddyline.core.errors import InputError

_STALLED_S = 30.0
_COUNTED = frozenset({"frame", "total_size", "out_time_us"})


class StallDetector:
    """Receives the lines of `-progress`; raises `InputError` if none of its numbers grew for 30 s."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, stalled_s: float = _STALLED_S) -> None:
        self._clock, self._stalled_s = clock, stalled_s
        self._maxima: dict[str, int] = {}
        self._last_growth = clock()

    def __call__(self, line: str) -> None:
        """Process one line, such as "total_size=262144"."""
        key, _, value = line.strip().partition("=")
        if key in _COUNTED and value[:20].isdigit() and int(value[:20]) > self._maxima.get(key, -1):
            if key in self._maxima or int(value[:20]) > 0:
                self._last_growth = self._clock()
            self._maxima[key] = int(value[:20])
        if self._clock() - self._last_growth > self._stalled_s:
            raise stall_error(self._stalled_s)


def stall_error(seconds: float) -> InputError:
    """Return the error for a file in which FFmpeg found no further packet for `seconds`."""
    return InputError(
        f"FFmpeg found no further packet in this file for {seconds:.0f} s",
        remedy="play the file to its end in a player; copy it again if the end is missing, or remove the data"
        " after the recording",
        reason="no-progress",
    )
