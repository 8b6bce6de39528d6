"""Prints distance, top speed and maximum acceleration of a GoPro recording.

    python examples/telemetry_report.py GX010042.MP4

Uses the GPMF library alone; FFmpeg is not needed.
"""

from __future__ import annotations

import sys

import numpy as np

from eddyline import gpmf


def report(source: str) -> str:
    """One line per fact; raises gpmf.GpmfError if the file holds no telemetry."""
    telemetry = gpmf.read(source)
    lines = [f"camera: {telemetry.camera.model or 'unknown'}"]
    track = telemetry.gps
    if track is not None and len(track.lat) > 1:
        north = np.radians(np.diff(track.lat)) * 6_371_000
        east = np.radians(np.diff(track.lon)) * 6_371_000 * np.cos(np.radians(track.lat[:-1]))
        lines.append(f"distance: {np.hypot(north, east).sum() / 1000:.2f} km")
        lines.append(f"top speed: {np.nanmax(track.speed_2d) * 3.6:.0f} km/h")
    if "ACCL" in telemetry.streams:
        acceleration = np.linalg.norm(telemetry.streams["ACCL"].values, axis=1)
        lines.append(f"maximum acceleration: {acceleration.max() / 9.81:.1f} g")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(sys.argv[1]))
