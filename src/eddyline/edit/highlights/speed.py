"""High speed and hard braking, from GPS speeds with a good fix."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from eddyline.edit.highlights.events import (
    Event,
    Floats,
    find_runs,
    make_event,
    moving_average,
    ramp,
    sliding_median,
    strongest,
)
from eddyline.edit.highlights.signals import Speed
from eddyline.edit.highlights.thresholds import THRESHOLDS

_STEP_S = 0.25  # of the common time grid
_SPIKE = 2  # readings on either side of the median that removes faults of single readings
_MEAN = 3  # grid steps
_AROUND_S, _BASE_STEP_S = 60.0, 1.0
_MAX_STEPS = 24 * 3600 * 4  # a day
_MIN_SECTION_S = 2.0
_STRONG_RATIO = 1.5
_STRONG_BRAKING = 8.0
_MAX_PEAKS = 2000


def find_speed_events(speed: Speed) -> tuple[Event, ...]:
    """High speeds and hard braking of all sections without a gap."""
    sections = list(_sections(speed))
    everything = [*_fast(sections), *(event for section in sections for event in _braking(*section))]
    return (
        *strongest(each for each in everything if each.kind == "speed"),
        *strongest(each for each in everything if each.kind == "braking"),
    )


def _sections(speed: Speed) -> Iterator[tuple[float, Floats]]:
    """(start in seconds, smooth speeds on a grid of `_STEP_S`) of each section without a gap."""
    values = sliding_median(speed.values, _SPIKE, _SPIKE)
    breaks = np.flatnonzero(np.diff(speed.times) > THRESHOLDS.gps_gap_s) + 1
    bounds = [0, *breaks.tolist(), len(values)]
    for first, stop in pairwise(bounds):
        times = speed.times[first:stop]
        steps = int((times[-1] - times[0]) / _STEP_S) + 1
        if times[-1] - times[0] < _MIN_SECTION_S or steps > _MAX_STEPS:
            continue
        grid = _grid(float(times[0]), steps)
        yield float(times[0]), moving_average(np.interp(grid, times, values[first:stop]), _MEAN)


def _grid(start_s: float, steps: int) -> Floats:
    return start_s + np.arange(steps, dtype=np.float64) * _STEP_S


def _fast(sections: list[tuple[float, Floats]]) -> Iterator[Event]:
    """Runs above the usual speed of the minutes around them."""
    for start_s, values in sections:
        usual = _usual_speed(values)
        excess = values - usual
        least = np.maximum(THRESHOLDS.speed_excess, THRESHOLDS.speed_ratio * usual)
        times = _grid(start_s, len(values))
        runs = find_runs(excess >= least, times, gap_s=_STEP_S * 2)
        done = -1
        for first, last in zip(runs.first[:_MAX_PEAKS].tolist(), runs.last.tolist(), strict=False):
            peak = first + int(np.argmax(excess[first : last + 1]))
            low, high = _extent(excess, peak, THRESHOLDS.speed_extent * excess[peak])
            if low <= done:  # the descent from a higher peak
                continue
            done = high
            yield make_event(
                "speed",
                float(times[low]),
                float(times[high]) + _STEP_S,
                float(times[peak]),
                ramp(float(excess[peak]), float(least[peak]), _STRONG_RATIO * float(usual[peak]) + 10),
                peak_m_per_s=float(values[peak]),
                usual_m_per_s=float(usual[peak]),
            )


def _usual_speed(values: Floats) -> Floats:
    """The median of ±60 s, computed once a second."""
    every = round(_BASE_STEP_S / _STEP_S)
    around = round(_AROUND_S / _BASE_STEP_S)
    medians = sliding_median(values[::every], around, around)
    return np.repeat(medians, every)[: len(values)]


def _extent(excess: Floats, peak: int, level: float) -> tuple[int, int]:
    """The first and last step around the peak without a step below the level between them."""
    below = np.flatnonzero(excess < level)
    at = int(np.searchsorted(below, peak))
    low = int(below[at - 1]) + 1 if at else 0
    high = int(below[at]) - 1 if at < len(below) else len(excess) - 1
    return low, high


def _braking(start_s: float, values: Floats) -> Iterator[Event]:
    """Runs of high deceleration that cost enough speed."""
    times = _grid(start_s, len(values))
    slowing = -np.gradient(values, _STEP_S)
    runs = find_runs(slowing >= THRESHOLDS.braking, times, gap_s=_STEP_S * 2)
    lost = values[runs.first] - values[runs.last]
    fits = runs.seconds(times, _STEP_S) >= THRESHOLDS.braking_s
    runs, lost = (
        runs.where(fits & (lost >= THRESHOLDS.braking_drop)),
        lost[fits & (lost >= THRESHOLDS.braking_drop)],
    )
    for first, last, drop in zip(runs.first.tolist(), runs.last.tolist(), lost.tolist(), strict=True):
        hardest = first + int(np.argmax(slowing[first : last + 1]))
        if slowing[hardest] > THRESHOLDS.braking_most:
            continue
        yield make_event(
            "braking",
            float(times[first]),
            float(times[last]) + _STEP_S,
            float(times[hardest]),
            ramp(float(slowing[hardest]), THRESHOLDS.braking, _STRONG_BRAKING),
            hardest_m_per_s2=float(slowing[hardest]),
            lost_m_per_s=drop,
        )
