"""Airtime, impacts and spins, from the accelerometer (g) and the gyroscope (°/s)."""

from __future__ import annotations

import numpy as np

from eddyline.edit.highlights.events import (
    Event,
    Floats,
    Runs,
    find_runs,
    make_event,
    moving_average,
    ramp,
    sliding_median,
    strongest,
)
from eddyline.edit.highlights.signals import Motion, vector_lengths
from eddyline.edit.highlights.thresholds import THRESHOLDS

_GAP_S = 0.1  # missing samples end a run
_LONG_AIRTIME_S = 1.0
_CHANGING = 0.2  # share of the samples of free fall that differ from the sample before
_BLOCK_S, _AROUND_S = 0.05, 2.0
_STRONG_G = 8.0
_EXTENT_S = 0.25
_SPIN_MEAN_S = 0.1
_STRONG_DEGREES = 1080.0
_MAX_CLUSTERS = 5000


def find_airtime(accelerometer: Motion) -> tuple[Event, ...]:
    """Free fall: the magnitude of the acceleration stays below a threshold. In free fall it is about 0 g."""
    times, values, period_s = accelerometer.times, accelerometer.values, accelerometer.period_s
    smooth = moving_average(values, round(THRESHOLDS.airtime_mean_s / period_s))
    magnitude = vector_lengths(smooth)
    runs = find_runs(magnitude < THRESHOLDS.airtime_g, times, gap_s=_GAP_S)
    seconds = runs.seconds(times, period_s)
    fits = (seconds >= THRESHOLDS.airtime_s) & (seconds <= THRESHOLDS.airtime_longest_s)
    runs = runs.where(fits & _is_measured(values, runs))
    events = []
    for first, last in zip(runs.first.tolist(), runs.last.tolist(), strict=True):
        inside = magnitude[first : last + 1]
        start_s, end_s = float(times[first]), float(times[last]) + period_s
        events.append(
            make_event(
                "airtime",
                start_s,
                end_s,
                (start_s + end_s) / 2,
                ramp(end_s - start_s, THRESHOLDS.airtime_s, _LONG_AIRTIME_S, base=0.5),
                duration_s=end_s - start_s,
                lowest_g=float(inside.min()),
                mean_g=float(inside.mean()),
            )
        )
    return strongest(events)


def _is_measured(values: Floats, runs: Runs) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether the values of each run change: a sensor that failed repeats one value."""
    changes = np.concatenate(([0], np.cumsum(np.any(np.diff(values) != 0, axis=0))))
    found = changes[runs.last] - changes[runs.first]
    return np.asarray(found >= _CHANGING * (runs.last - runs.first))


def find_impacts(accelerometer: Motion) -> tuple[Event, ...]:
    """Peaks of the acceleration that stand out from the vibration around them."""
    times, deviation = accelerometer.times, np.abs(accelerometer.magnitude - 1)
    size = max(round(_BLOCK_S / accelerometer.period_s), 1)
    blocks = -(-len(deviation) // size)
    highest = np.pad(deviation, (0, blocks * size - len(deviation))).reshape(blocks, size).max(axis=1)
    around = round(_AROUND_S / _BLOCK_S)
    vibration = sliding_median(highest, around, around)
    peaks = highest >= np.maximum(THRESHOLDS.impact_g, THRESHOLDS.impact_ratio * vibration)
    starts = times[np.arange(blocks) * size]
    runs = find_runs(peaks, starts, gap_s=THRESHOLDS.impact_apart_s, bridge_s=THRESHOLDS.impact_apart_s)
    events = []
    for first, last in zip(runs.first[:_MAX_CLUSTERS].tolist(), runs.last.tolist(), strict=False):
        peak = first * size + int(np.argmax(deviation[first * size : (last + 1) * size]))
        low, high = _extent(deviation, times, peak)
        events.append(
            make_event(
                "impact",
                float(times[low]),
                float(times[high]) + accelerometer.period_s,
                float(times[peak]),
                ramp(float(deviation[peak]), THRESHOLDS.impact_g, _STRONG_G),
                peak_g=float(deviation[peak]),
                vibration_g=float(vibration[peak // size]),
            )
        )
    return strongest(events)


def _extent(deviation: Floats, times: Floats, peak: int) -> tuple[int, int]:
    """The first and last sample near the peak that exceed a share of it."""
    low = int(np.searchsorted(times, times[peak] - _EXTENT_S))
    high = int(np.searchsorted(times, times[peak] + _EXTENT_S, side="right"))
    above = np.flatnonzero(deviation[low:high] >= THRESHOLDS.impact_extent * deviation[peak])
    return low + int(above[0]), low + int(above[-1])


def find_spins(gyroscope: Motion) -> tuple[Event, ...]:
    """Fast rotation whose net angle is about a full turn; shaking cancels out in the integral."""
    times, period_s = gyroscope.times, gyroscope.period_s
    smooth = moving_average(gyroscope.values, round(_SPIN_MEAN_S / period_s))
    rate = vector_lengths(smooth)
    runs = find_runs(rate > THRESHOLDS.spin_rate, times, gap_s=_GAP_S, bridge_s=THRESHOLDS.spin_bridge_s)
    seconds = runs.seconds(times, period_s)
    least_s = THRESHOLDS.spin_angle / THRESHOLDS.gyroscope_limit
    runs = runs.where((seconds >= least_s) & (seconds <= THRESHOLDS.spin_longest_s))
    step_s = np.minimum(np.diff(times, append=times[-1] + period_s), _GAP_S)
    turned = np.array(
        [
            np.linalg.norm(smooth[:, first : last + 1] @ step_s[first : last + 1])
            for first, last in zip(runs.first.tolist(), runs.last.tolist(), strict=True)
        ]
    )
    fits = turned >= THRESHOLDS.spin_angle
    runs, turned = runs.where(fits), turned[fits]
    events = []
    for first, last, angle in zip(runs.first.tolist(), runs.last.tolist(), turned.tolist(), strict=True):
        fastest = first + int(np.argmax(rate[first : last + 1]))
        events.append(
            make_event(
                "spin",
                float(times[first]),
                float(times[last]) + period_s,
                float(times[fastest]),
                ramp(angle, THRESHOLDS.spin_angle, _STRONG_DEGREES, base=0.5),
                rotation_degrees=angle,
                fastest_degrees_per_s=float(rate[fastest]),
            )
        )
    return strongest(events)
