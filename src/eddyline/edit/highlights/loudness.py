"""Jumps in loudness: shouts, splashes, crashes."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from eddyline.edit.highlights.events import (
    Event,
    find_runs,
    make_event,
    moving_average,
    ramp,
    sliding_median,
    strongest,
)
from eddyline.edit.highlights.signals import Levels
from eddyline.edit.highlights.thresholds import THRESHOLDS

PERIOD_S: Final = 0.1
"""Of one level."""
SILENCE_DB: Final = -90.0
"""The lowest level: 16-bit samples that are all 0 have none."""

_SHORT_TERM_S = 0.4  # the window of momentary loudness (EBU Tech 3341)
_BEFORE_S = 5.0
_STRONG_STEP = 30.0
_PER_BEL = 10.0
_BATCH = 4096  # levels


def measure_levels(audio: npt.NDArray[np.float32], rate: int, *, start_s: float = 0.0) -> Levels:
    """The levels of mono audio, float32[n] (full scale is 1) at `rate` Hz, from movie time `start_s`.

    The last level covers a part of a period; missing samples count as silence.
    """
    size = max(round(rate * PERIOD_S), 1)
    count = -(-len(audio) // size)
    power = np.zeros(count)
    for first in range(0, count, _BATCH):  # the audio is a mapped file
        part = np.asarray(audio[first * size : (first + _BATCH) * size])
        rows = np.pad(part, (0, -len(part) % size)).reshape(-1, size)
        power[first : first + len(rows)] = np.einsum("ij,ij->i", rows, rows, dtype=np.float64) / size
    values = _PER_BEL * np.log10(np.maximum(power, 10 ** (SILENCE_DB / _PER_BEL)))
    return Levels(start_s=start_s, period_s=size / rate, values=values)


def find_loudness_jumps(levels: Levels) -> tuple[Event, ...]:
    """Where the level of 0.4 s exceeds the median of the seconds before by a step."""
    values = np.nan_to_num(levels.values, nan=SILENCE_DB, posinf=0.0, neginf=SILENCE_DB)
    values = np.clip(values, SILENCE_DB, 0.0)
    edge = round(THRESHOLDS.loudness_ends_s / levels.period_s)
    if len(values) <= 2 * edge:
        return ()
    times = levels.start_s + np.arange(len(values), dtype=np.float64) * levels.period_s
    power = moving_average(10 ** (values / _PER_BEL), round(_SHORT_TERM_S / levels.period_s))
    level = _PER_BEL * np.log10(np.maximum(power, 10 ** (SILENCE_DB / _PER_BEL)))
    usual = sliding_median(level, round(_BEFORE_S / levels.period_s), 0)
    step = level - usual
    loud = (step >= THRESHOLDS.loudness_step) & (level >= THRESHOLDS.loudness_level)
    loud[:edge] = loud[-edge:] = False
    runs = find_runs(loud, times, gap_s=levels.period_s * 2, bridge_s=THRESHOLDS.loudness_bridge_s)
    runs = runs.where(runs.seconds(times, levels.period_s) >= THRESHOLDS.loudness_s)
    events = []
    for first, last in zip(runs.first.tolist(), runs.last.tolist(), strict=True):
        loudest = first + int(np.argmax(step[first : last + 1]))
        events.append(
            make_event(
                "loudness",
                float(times[first]),
                float(times[last]) + levels.period_s,
                float(times[loudest]),
                ramp(float(step[loudest]), THRESHOLDS.loudness_step, _STRONG_STEP),
                step_db=float(step[loudest]),
                level_dbfs=float(level[loudest]),
            )
        )
    return strongest(events)
