"""The demo clip's telemetry as a camera writes it: one GPMF payload for each 1.001 s."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.format.builder import leaf, nest
from eddyline.gpmf.format.klv import Klv, serialize
from eddyline.pipeline.demo_clip import trip
from eddyline.pipeline.demo_clip.trip import Floats

PERIOD_MS = 1001
_MOTION_HZ, _GPS_HZ = 200 / 1.001, 18 / 1.001
_MOTION_SCALE = 418  # the divisor of HERO cameras for m/s²
_GYRO_SCALE = 939  # the same for rad/s
_DEVICE = "Eddyline Demo"


@dataclass(frozen=True, kw_only=True)
class Payload:
    """One payload: its GPMF bytes and its duration in ms."""

    data: bytes
    duration_ms: int


def payloads(duration_ms: int, started: datetime) -> Iterator[Payload]:
    """All payloads of a recording of `duration_ms` that started at `started` (UTC)."""
    for start in range(0, duration_ms, PERIOD_MS):
        end = min(start + PERIOD_MS, duration_ms)
        yield Payload(data=serialize([_device(start / 1000, end / 1000, started)]), duration_ms=end - start)


def settings() -> bytes:
    """The GPMF block of moov/udta, which identifies the camera."""
    return serialize(
        [
            nest(
                "DEVC",
                [
                    leaf("DVID", "L", 1),
                    leaf("DVNM", "c", "Global Settings"),
                    leaf("VERS", "B", [[8, 0, 0]]),
                    leaf("FMWR", "c", "EDY.01.00.00"),
                    leaf("CASN", "c", "E0000000000001"),
                    leaf("MINF", "c", _DEVICE),
                ],
            )
        ]
    )


def _device(start: float, end: float, started: datetime) -> Klv:
    streams = [_accelerometer(start, end), _gyroscope(start, end), _gps(start, end, started)]
    return nest("DEVC", [leaf("DVID", "L", 1), leaf("DVNM", "c", _DEVICE), *streams])


def _accelerometer(start: float, end: float) -> Klv:
    times, before = _times(start, end, _MOTION_HZ)
    head = _head("Accelerometer (up/down, right/left, forward/back)", times, before)
    unit = [leaf("SIUN", "c", ["m/s²"]), leaf("SCAL", "s", _MOTION_SCALE)]
    return nest("STRM", [*head, *unit, leaf("ACCL", "s", _scaled(trip.acceleration(times), _MOTION_SCALE))])


def _gyroscope(start: float, end: float) -> Klv:
    times, before = _times(start, end, _MOTION_HZ)
    unit = [leaf("SIUN", "c", ["rad/s"]), leaf("SCAL", "s", _GYRO_SCALE)]
    values = leaf("GYRO", "s", _scaled(trip.rotation(times), _GYRO_SCALE))
    return nest("STRM", [*_head("Gyroscope (z,x,y)", times, before), *unit, values])


def _gps(start: float, end: float, started: datetime) -> Klv:
    times, before = _times(start, end, _GPS_HZ)
    fix, scale = trip.fix(times), [10_000_000, 10_000_000, 1000, 1000, 100]
    rows = np.column_stack((fix.latitude, fix.longitude, fix.altitude, fix.speed_2d, fix.speed_3d))
    moment = started + timedelta(seconds=start)
    return nest(
        "STRM",
        [
            *_head("GPS (Lat., Long., Alt., 2D speed, 3D speed)", times, before),
            leaf("GPSF", "L", 3),
            leaf("GPSU", "U", f"{moment:%y%m%d%H%M%S}.{moment.microsecond // 1000:03}"),
            leaf("GPSP", "S", 142),
            leaf("UNIT", "c", ["deg", "deg", "m", "m/s", "m/s"]),
            leaf("SCAL", "l", scale),
            leaf("GPS5", "l", _scaled(rows, scale)),
        ],
    )


def _head(name: str, times: Floats, before: int) -> list[Klv]:
    """The first entries of a stream: time of its first sample, number of samples up to its end, name."""
    return [
        leaf("STMP", "J", round(float(times[0]) * 1_000_000)),
        leaf("TSMP", "L", before + len(times)),
        leaf("STNM", "c", name),
    ]


def _times(start: float, end: float, rate: float) -> tuple[Floats, int]:
    """The times (s) of a sensor's samples within [start, end), and how many precede them; at least one."""
    first = round(start * rate)
    stop = max(round(end * rate), first + 1)
    return np.arange(first, stop) / rate, first


def _scaled(values: Floats, scale: npt.ArrayLike) -> Floats:
    return np.rint(values * np.asarray(scale, np.float64))
