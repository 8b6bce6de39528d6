"""Airtime, impacts and spins at the limits of their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from eddyline.edit.highlights.motion import find_airtime, find_impacts, find_spins
from eddyline.edit.highlights.signals import Motion

RATE = 200


def motion(seconds: float, *, base: float = 1.0, noise: float = 0.03) -> Motion:
    count = round(seconds * RATE)
    values = np.random.default_rng(3).normal(0, noise, (3, count))
    values[1] += base
    return Motion(times=np.arange(count) / RATE, values=values)


def samples(start_s: float, end_s: float) -> slice:
    return slice(round(start_s * RATE), round(end_s * RATE))


@pytest.mark.parametrize(("seconds", "level", "found"), [(0.4, 0.2, 1), (0.2, 0.0, 0), (0.6, 0.45, 0)])
def test_airtime_is_low_acceleration_for_long_enough(seconds: float, level: float, found: int) -> None:
    sensor = motion(5)
    sensor.values[1, samples(2, 2 + seconds)] += level - 1
    assert len(find_airtime(sensor)) == found


def test_a_sensor_that_failed_is_not_in_the_air() -> None:
    sensor = motion(5)
    sensor.values[:, samples(2, 4)] = 0.0
    assert find_airtime(sensor) == ()


def test_missing_samples_end_airtime() -> None:
    sensor = motion(5)
    sensor.values[1, samples(2, 2.4)] -= 1
    times = sensor.times.copy()
    times[samples(2.2, 5)] += 3
    assert find_airtime(Motion(times=times, values=sensor.values)) == ()


def test_longer_airtime_scores_higher() -> None:
    sensor = motion(8)
    sensor.values[1, samples(2, 2.4)] -= 1
    sensor.values[1, samples(5, 6)] -= 1
    short, long = find_airtime(sensor)
    assert short.score < long.score
    assert long.values["duration_s"] == pytest.approx(1.0, abs=0.05)
    assert long.values["lowest_g"] < 0.1


def test_vibration_raises_the_limit_for_impacts() -> None:
    sensor = motion(20)
    sensor.values[0, samples(10.0, 10.05)] = 4.0
    assert len(find_impacts(sensor)) == 1
    rough = Motion(times=sensor.times, values=sensor.values + np.sin(sensor.times * 200) * 2.5)
    assert find_impacts(rough) == ()


def test_close_peaks_are_one_impact() -> None:
    sensor = motion(20)
    for start in (10.0, 10.15, 14.0):
        sensor.values[0, samples(start, start + 0.05)] = 6.0
    first, second = find_impacts(sensor)
    assert (first.start_s, first.end_s) == pytest.approx((10.0, 10.2), abs=0.02)
    assert second.values["peak_g"] == pytest.approx(5.1, abs=0.3)


@pytest.mark.parametrize(
    ("rate", "seconds", "found"), [(360, 1.0, 1), (360, 0.5, 0), (60, 8, 0), (200, 20, 0)]
)
def test_a_spin_is_fast_and_about_a_full_turn(rate: float, seconds: float, found: int) -> None:
    sensor = motion(30, base=0.0, noise=5)
    sensor.values[2, samples(4, 4 + seconds)] += rate
    events = find_spins(sensor)
    assert len(events) == found
    if found:
        assert events[0].values["rotation_degrees"] == pytest.approx(360, abs=15)


def test_shaking_is_not_a_spin() -> None:
    sensor = motion(10, base=0.0, noise=5)
    sensor.values[0] += 500 * np.sin(2 * np.pi * 1.5 * sensor.times)
    assert find_spins(sensor) == ()
