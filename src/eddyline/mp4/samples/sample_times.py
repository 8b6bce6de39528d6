"""Corrects sample times that violate the format, in the way FFmpeg does.

Some writers put negative numbers into stts (ISO/IEC 14496-12 section 8.6.1.2: unsigned) to step back in
time, and some give two frames the same time. Presented frames need distinct times, because times identify
them.
"""

from __future__ import annotations

import numpy as np

from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.movie import Samples

# Deltas above this are negative numbers (FFmpeg's max_stts_delta, libavformat/mov.c).
_LARGEST_DELTA = (1 << 32) - 1 - 48_000 * 10


def correct_deltas(rows: Ints) -> Ints:
    """Rows (count, delta) of stts without negative deltas: int64[n, 2].

    A negative delta becomes 1 tick, and the following deltas are shortened until they compensate for it
    (`mov_read_stts`).
    """
    if not len(rows) or int(rows[:, 1].max()) <= _LARGEST_DELTA:
        return rows
    corrected = rows.copy()
    now = wanted = 0
    for row in corrected:
        count, delta = int(row[0]), int(row[1])
        if delta > _LARGEST_DELTA:
            wanted += (delta - (1 << 32)) * count
            delta = 1
        else:
            wanted += delta * count
        now += delta * count
        if now > wanted:
            reduction = min((now - wanted) // max(count, 1), delta - 1)
            if reduction > 0:
                now -= reduction * count
                delta -= reduction
        row[1] = delta
    return corrected


def make_times_distinct(samples: Samples, hidden: Ints) -> Ints:
    """Presentation times, int64[n], no two of them equal: the later of two equal times increases by a tick.

    `hidden` are the samples without a frame; their times do not change.
    """
    shown = np.ones(len(samples), np.bool_)
    shown[hidden] = False
    numbers = np.flatnonzero(shown)
    order = numbers[np.argsort(samples.pts[numbers], kind="stable")]
    times = samples.pts[order]
    if not len(times) or bool(np.all(np.diff(times) > 0)):
        return samples.pts
    # Vectorised t[i] = max(t[i], t[i-1] + 1).
    steps = np.arange(len(times), dtype=np.int64)
    pts: Ints = samples.pts.copy()
    pts[order] = np.maximum.accumulate(times - steps) + steps
    return pts
