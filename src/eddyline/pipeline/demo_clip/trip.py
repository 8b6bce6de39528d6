"""The simulated trip of the demo clip: laps of a loop on a river, smooth in time.

Sums of sines, so that the values are the same on every machine once they are rounded for the telemetry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# The Soča near Bovec.
LATITUDE, LONGITUDE, ALTITUDE_M = 46.3318, 13.5485, 398.0
_METRES_PER_DEGREE = 111_320.0
_LAP_S = 90.0
_LONG_M, _WIDE_M = 85.0, 28.0
_GRAVITY = 9.80665
_RADIANS_PER_S = 2 * np.pi / _LAP_S
_STEP_S = 1e-3  # for numerical derivatives


@dataclass(frozen=True, kw_only=True)
class Fix:
    """Positions and speeds: degrees, metres and m/s, one value for each time."""

    latitude: Floats
    longitude: Floats
    altitude: Floats
    speed_2d: Floats
    speed_3d: Floats


def fix(times: Floats) -> Fix:
    """The boat's position and speed at `times` (seconds)."""
    east, north, up = _offset_m(times)
    before, after = np.array(_offset_m(times - _STEP_S)), np.array(_offset_m(times + _STEP_S))
    velocity = (after - before) / (2 * _STEP_S)
    return Fix(
        latitude=LATITUDE + north / _METRES_PER_DEGREE,
        longitude=LONGITUDE + east / (_METRES_PER_DEGREE * np.cos(np.radians(LATITUDE))),
        altitude=ALTITUDE_M + up,
        speed_2d=np.hypot(velocity[0], velocity[1]),
        speed_3d=np.sqrt((velocity**2).sum(axis=0)),
    )


def acceleration(times: Floats) -> Floats:
    """Accelerometer samples, m/s² [n, 3]: up, right, forward (gravity counts as upward)."""
    bob = 1.6 * np.sin(2 * np.pi * 0.9 * times) + 0.5 * np.sin(2 * np.pi * 2.3 * times + 1)
    sway = 0.7 * np.sin(2 * np.pi * 0.45 * times + 0.5)
    stroke = 1.1 * np.sin(2 * np.pi * 1.1 * times)  # a paddle stroke every 0.9 s
    return np.column_stack((_GRAVITY + bob, sway, stroke))


def rotation(times: Floats) -> Floats:
    """Gyroscope samples, rad/s [n, 3]: about the up, right and forward axes."""
    east, north = _heading(times - _STEP_S), _heading(times + _STEP_S)
    yaw = np.angle(north / east) / (2 * _STEP_S)
    pitch = 0.18 * np.sin(2 * np.pi * 0.9 * times + 0.3)
    roll = 0.35 * np.sin(2 * np.pi * 0.45 * times)
    return np.column_stack((yaw + 0.05 * np.sin(2 * np.pi * 1.1 * times), pitch, roll))


def _offset_m(times: Floats) -> tuple[Floats, Floats, Floats]:
    """Metres east, north and up of the start: laps down the river and back along its bank."""
    lap = _RADIANS_PER_S * times
    east = _LONG_M * np.sin(lap) + 4 * np.sin(5 * lap)
    north = _WIDE_M * (1 - np.cos(lap)) + 3 * np.sin(3 * lap)
    up = -0.6 * (1 - np.cos(lap)) + 0.05 * np.sin(2 * np.pi * 0.9 * times)
    return east, north, up


def _heading(times: Floats) -> npt.NDArray[np.complex128]:
    """The direction of travel as a complex number (east + i north)."""
    before, after = _offset_m(times - _STEP_S), _offset_m(times + _STEP_S)
    return (after[0] - before[0]) + 1j * (after[1] - before[1])
