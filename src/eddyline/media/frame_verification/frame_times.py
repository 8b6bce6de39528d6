"""Presentation times in microseconds, the unit of all times in frame verification."""

from __future__ import annotations

from typing import Final

import numpy as np

from eddyline.mp4.presentation import Presentation

SECOND_US: Final = 1_000_000
"""Microseconds per second."""
_MIN_GAP_US: Final = 2000


def frame_times_us(shown: Presentation, timescale: int) -> np.ndarray:
    """int64[n]: the presentation time of each frame, rounded to the nearest microsecond."""
    whole, rest = shown.pts // timescale, shown.pts % timescale
    return np.asarray(whole * SECOND_US + (rest * SECOND_US + timescale // 2) // timescale, np.int64)


def ticks_to_us(ticks: int, timescale: int) -> int:
    """Ticks of 1/`timescale` s in microseconds, rounded up."""
    return -(-ticks * SECOND_US // timescale)


def range_bounds(times: np.ndarray, start: int, stop: int) -> tuple[int | None, int | None]:
    """Times between which exactly the frames [start, stop) begin; None where the range reaches an end."""
    lower = None if start == 0 else (int(times[start - 1]) + int(times[start]) + 1) // 2
    upper = None if stop == len(times) else (int(times[stop - 1]) + int(times[stop]) + 1) // 2
    return lower, upper


def frame_gap(times: np.ndarray, frame: int) -> int:
    """Microseconds to the nearer neighbour of a frame; one second if it has no neighbours."""
    before = int(times[frame] - times[frame - 1]) if frame else SECOND_US
    after = int(times[frame + 1] - times[frame]) if frame + 1 < len(times) else SECOND_US
    return max(min(before, after), _MIN_GAP_US)
