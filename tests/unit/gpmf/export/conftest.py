"""A synthetic ride: motion, GPS with fix and DOP, scenes with several rows, text, and two HiLights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eddyline import gpmf

RideBuilder = Callable[..., gpmf.Telemetry]
SECONDS, GPS_HZ, MOTION_HZ = 6, 10, 100
SCALE = [1e7, 1e7, 1000, 1000, 100]


@pytest.fixture
def ride() -> RideBuilder:
    """ride(...) -> telemetry of some 1.001 s payloads; GPS moves north-east at 10 m/s from `lat`, `lon`."""

    def build(
        *,
        seconds: int = SECONDS,
        lat: float = 47.0,
        lon: float = 8.0,
        fix: int = 3,
        dop: int = 150,
        sea: bool = False,
        lost: tuple[int, ...] = (),
        camera: str = "Test <&> Camera",
    ) -> gpmf.Telemetry:
        data = b"".join(
            _payload(number, lat, lon, 0 if number in lost else fix, dop, sea=sea, camera=camera)
            for number in range(seconds)
        )
        hilights = (gpmf.Hilight(time_s=1.0), gpmf.Hilight(time_s=2.5, lat=lat, lon=lon, alt_m=400.0))
        return replace(gpmf.read_payloads(data), hilights=hilights)

    return build


def _payload(number: int, lat: float, lon: float, fix: int, dop: int, *, sea: bool, camera: str) -> bytes:
    count = np.arange(number * GPS_HZ, (number + 1) * GPS_HZ)
    positions = np.stack(
        [
            lat + count * 1e-5,
            (lon + count * 1e-5 + 180) % 360 - 180,
            400 + count * 0.1,
            np.full(GPS_HZ, 10.0),
            np.full(GPS_HZ, 10.5),
        ],
        axis=1,
    )
    rows = np.rint(positions * SCALE).astype(np.int64)
    modifiers: list[Any] = [
        gpmf.leaf("GPSF", "L", fix),
        gpmf.leaf("GPSU", "U", f"24050112{number // 60:02d}{number % 60:02d}.000"),
        gpmf.leaf("GPSP", "S", dop),
    ]
    if sea:
        modifiers.append(gpmf.leaf("GPSA", "F", "MSLV"))
    motion = np.stack(
        [np.arange(MOTION_HZ) - 50, np.full(MOTION_HZ, 417), np.full(MOTION_HZ, -1 - number)], axis=1
    )
    scenes = [[(b"SNOW", 0.25), (b"URBA", 0.5)], [], [(b"INDO", 0.125)]]
    axes = [gpmf.leaf("ORIN", "c", "YxZ")]
    total = number + 1
    streams = [
        gpmf.stream(
            "ACCL", "s", motion, scale=[417], units=["m/s²"], total=total * MOTION_HZ, modifiers=axes
        ),
        gpmf.stream(
            *("GPS5", "l", rows),
            units=["deg", "deg", "m", "m/s", "m/s"], scale=SCALE, total=total * GPS_HZ, modifiers=modifiers,
        ),
        gpmf.stream("ISOE", "S", [100 + number] * 10, name="Sensor ISO", total=total * 10),
        gpmf.stream("SCEN", "?", scenes, complex_type="Ff", total=total * 3, stepped=True),
    ]  # fmt: skip
    return gpmf.serialize([gpmf.device(1, camera, streams)])
