"""Summary of telemetry as JSON values: camera, streams and GPS track."""

from __future__ import annotations

import math
from typing import Any

from eddyline.gpmf import Camera, Telemetry
from eddyline.gpmf.export.geodesy import distances
from eddyline.gpmf.export.points import DEGREES, NoTrackError, Points, build_points, iso_time
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.track import MAX_GOOD_DOP


def summarize_telemetry(telemetry: Telemetry) -> dict[str, Any]:
    """Camera (null if not named), streams by label, and GPS track (null without one)."""
    return {
        "camera": _camera(telemetry.camera),
        "streams": {
            label: _replace_non_finite(stream) for label, stream in telemetry.summary()["streams"].items()
        },
        "gps": _gps(telemetry),
    }


def _camera(camera: Camera) -> dict[str, Any] | None:
    names = {
        "model": camera.model,
        "serial": camera.serial,
        "firmware": camera.firmware,
        "lens": camera.lens,
        "projection": camera.projection,
        "fov": camera.fov,
    }
    return {key: value or None for key, value in names.items()} if any(names.values()) else None


def _gps(telemetry: Telemetry) -> dict[str, Any] | None:
    clock = telemetry.gps.clock if telemetry.gps else None
    try:
        track = build_points(telemetry)
    except NoTrackError:
        return None
    precise = _precise(telemetry)
    levels = track.alt_m if precise is None else precise.alt_m
    return {
        "key": track.key,
        "points": len(track),
        "first_s": float(track.times[0]),
        "last_s": float(track.times[-1]),
        "duration_s": round(track.elapsed_s, 6),
        "distance_m": 0.0 if precise is None else round(_track_length(precise), 1),
        "top_speed_mps": None if precise is None else round(float(precise.speed_2d.max()), 3),
        "lowest_m": float(levels.min()),
        "highest_m": float(levels.max()),
        "box": None if precise is None else [round(each, DEGREES) for each in precise.box],
        "altitude_reference": track.altitude_reference,
        "began": iso_time(float(track.utc[0])) if math.isfinite(track.utc[0]) else None,
        "clock": clock.rule if clock else None,
        "speed": round(clock.speed, 3) if clock else None,
    }


def _precise(telemetry: Telemetry) -> Points | None:
    """The positions of good precision, or of unknown precision; None if there are none."""
    try:
        return build_points(telemetry, Selection(max_dop=MAX_GOOD_DOP))
    except NoTrackError:
        return None


def _track_length(track: Points) -> float:
    """Metres along the track, without the gaps between its runs."""
    return sum(float(distances(track.lat[a:b], track.lon[a:b]).sum()) for a, b in track.runs)


def _replace_non_finite(values: dict[str, Any]) -> dict[str, Any]:
    """The values with null for NaN and infinities, which JSON cannot express."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }
