"""What telemetry says at a glance, as JSON values: the camera, its streams, and the way it went."""

from __future__ import annotations

import math
from typing import Any

from eddyline.gpmf import Camera, Telemetry
from eddyline.gpmf.export.geodesy import distances
from eddyline.gpmf.export.points import NoTrackError, Points, build_points, iso_time


def summarize_telemetry(telemetry: Telemetry) -> dict[str, Any]:
    """The camera (null where nothing names it), streams by label, and the GPS track (null without one)."""
    return {
        "camera": _camera(telemetry.camera),
        "streams": {label: _finite(told) for label, told in telemetry.summary()["streams"].items()},
        "gps": _gps(telemetry),
    }


def _camera(camera: Camera) -> dict[str, Any] | None:
    told = {
        "model": camera.model,
        "serial": camera.serial,
        "firmware": camera.firmware,
        "lens": camera.lens,
        "projection": camera.projection,
        "fov": camera.fov,
    }
    return {key: value or None for key, value in told.items()} if any(told.values()) else None


def _gps(telemetry: Telemetry) -> dict[str, Any] | None:
    clock = telemetry.gps.clock if telemetry.gps else None
    try:
        found = build_points(telemetry)
    except NoTrackError:
        return None
    return {
        "key": found.key,
        "points": len(found),
        "first_s": float(found.times[0]),
        "last_s": float(found.times[-1]),
        "duration_s": round(found.elapsed_s, 6),
        "distance_m": round(_length(found), 1),
        "top_speed_mps": round(float(found.speed_2d.max()), 3),
        "lowest_m": float(found.alt_m.min()),
        "highest_m": float(found.alt_m.max()),
        "altitude_reference": found.altitude_reference,
        "began": iso_time(float(found.utc[0])) if math.isfinite(found.utc[0]) else None,
        "clock": clock.rule if clock else None,
        "speed": round(clock.speed, 3) if clock else None,
    }


def _length(found: Points) -> float:
    """Metres along the track; gaps are not bridged."""
    return sum(float(distances(found.lat[a:b], found.lon[a:b]).sum()) for a, b in found.runs)


def _finite(told: dict[str, Any]) -> dict[str, Any]:
    """The same without numbers that JSON cannot say."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in told.items()
    }
