"""Signals are in known units, in order of time, and without what the sensors cannot have measured."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.edit.highlights.signals import Signals, increasing, read_signals

RANDOM = np.random.default_rng(4)
GRAVITY = RANDOM.normal((0.0, 9.81, 0.0), 0.2, (400, 3))
TURNING = RANDOM.normal(0, 0.5, (400, 3))


def read(*streams: gpmf.Klv) -> Signals:
    payload = gpmf.serialize([gpmf.device(1, "Camera", streams)])
    return read_signals(gpmf.read_payloads(payload, lenient=True), start_s=0.0, end_s=1.001)


def sensor(key: str, values: np.ndarray, *units: str) -> gpmf.Klv:
    return gpmf.stream(key, "f", values, units=units, total=len(values))


@pytest.mark.parametrize(
    ("unit", "factor", "warned"),
    [
        ("m/s²", 1, False),
        ("m/s2", 1, False),
        ("g", 1 / 9.80665, False),
        ("", 1, False),
        ("m/s²", 1 / 9.80665, True),
    ],
)
def test_acceleration_is_in_g_in_any_unit(unit: str, factor: float, *, warned: bool) -> None:
    found = read(sensor("ACCL", GRAVITY * factor, *([unit] if unit else [])))
    assert found.accelerometer is not None
    assert float(np.median(found.accelerometer.magnitude)) == pytest.approx(1.0, abs=0.02)
    assert bool(found.warnings) == warned


def test_values_that_are_not_gravity_in_any_unit_are_not_used() -> None:
    found = read(sensor("ACCL", GRAVITY * 1e6, "m/s²"))
    assert found.accelerometer is None
    assert "not gravity" in found.warnings[0]


@pytest.mark.parametrize(("unit", "factor"), [("rad/s", 1), ("deg/s", 180 / np.pi), ("", 1)])
def test_rotation_is_in_degrees_per_second(unit: str, factor: float) -> None:
    found = read(sensor("GYRO", TURNING * factor, *([unit] if unit else [])))
    assert found.gyroscope is not None
    assert found.gyroscope.values == pytest.approx(np.degrees(TURNING.T), rel=1e-5)


def test_rotation_faster_than_any_sensor_measures_is_not_used() -> None:
    found = read(sensor("GYRO", TURNING * 1e5, "rad/s"))
    assert found.gyroscope is None
    assert found.warnings


def test_slow_sensors_and_other_shapes_are_not_used() -> None:
    assert read(sensor("ACCL", GRAVITY[:10], "m/s²")).accelerometer is None
    assert read(sensor("ACCL", GRAVITY[:, :2], "m/s²")).accelerometer is None
    assert read(sensor("GYRO", TURNING[:10], "rad/s")).gyroscope is None


def test_samples_that_are_not_numbers_are_left_out() -> None:
    values = GRAVITY.copy()
    values[7], values[8, 1], values[9] = np.nan, np.inf, 1e38
    found = read(sensor("ACCL", values, "m/s²"))
    assert found.accelerometer is not None
    assert found.accelerometer.values.shape == (3, 397)
    assert np.isfinite(found.accelerometer.values).all()


def test_speeds_need_a_good_fix_that_has_settled() -> None:
    payloads = []
    for second, (fix, dop) in enumerate([(3, 120), (0, 9999), (3, 120), (3, 120), (3, 900), (2, 200)]):
        rows = np.full((18, 5), 10**8) + np.arange(18)[:, None]
        rows[:, 3:] = 5000 + second
        modifiers = [gpmf.leaf("GPSF", "L", fix), gpmf.leaf("GPSP", "S", dop)]
        stream = gpmf.stream(
            "GPS5", "l", rows, scale=[1e7, 1e7, 1000, 1000, 100], modifiers=modifiers, total=18 * (second + 1)
        )
        payloads.append(gpmf.serialize([gpmf.device(1, "Camera", [stream])]))
    telemetry = gpmf.read_payloads(b"".join(payloads))
    speed = read_signals(telemetry, start_s=0.0, end_s=6.0).speed
    assert speed is not None
    # Seconds 2 and 5 follow bad readings: all but the last are within a second of them.
    assert Counter(speed.values.tolist()) == {5.0: 18, 5.002: 1, 5.003: 18, 5.005: 1}


def test_faces_are_counted_for_each_time() -> None:
    rows = [[], [(1, 0.1, 0.1, 0.2, 0.2), (2, 0.5, 0.5, 0.4, -0.4)], [(1, 0.1, 0.1, 0.5, 0.2)]]
    found = read(gpmf.stream("FACE", "?", rows, complex_type="Lffff", stepped=True, total=3)).faces
    assert found is not None
    assert found.count.tolist() == [0, 2, 1]
    assert found.area.tolist() == pytest.approx([0, 0.04, 0.1])


def test_a_camera_reports_confidence_and_smile() -> None:
    rows = [[(1, 90, 1, 9000, 9000, 20000, 20000, 80, 0)], [(1, 10, 1, 9000, 9000, 20000, 20000, 99, 0)]]
    scale = [1, 1, 1, 65535, 65535, 65535, 65535, 1, 1]
    stream = gpmf.stream("FACE", "?", rows, complex_type="BBSSSSSBB", scale=scale, stepped=True, total=2)
    found = read(stream).faces
    assert found is not None
    assert found.count.tolist() == [1, 0]
    assert found.smile.tolist() == [0.8, 0]


def test_the_number_of_faces_is_used_where_faces_are_missing() -> None:
    found = read(gpmf.stream("FCNM", "L", [0, 2, 2, 0], total=4)).faces
    assert found is not None
    assert found.count.tolist() == [0, 2, 2, 0]


def test_times_that_do_not_increase_are_left_out() -> None:
    times = np.array([np.nan, 0.0, 1.0, 1.0, 0.5, np.inf, 2.0])
    assert increasing(times).tolist() == [False, True, True, False, False, False, True]
    assert increasing(np.zeros(0)).tolist() == []
