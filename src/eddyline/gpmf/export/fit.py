"""FIT: the track as an activity, for sports watches, their sites and video overlays.

FIT counts summary seconds, so there is at most one record per second of UTC, resampled from the track. Its
altitudes have no stated reference; they are those of the camera. HiLights are user markers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

import numpy as np

from eddyline.gpmf.export.fit_file import FitFile, Message
from eddyline.gpmf.export.geodesy import distances
from eddyline.gpmf.export.points import (
    NoTrackError,
    Points,
    build_points,
    place_hilights,
    resample_points,
    select_points,
)
from eddyline.gpmf.export.resample import build_grid
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.payloads import Floats, Int64s
from eddyline.gpmf.telemetry import Telemetry

# Numbers of messages, fields and enums: the FIT profile (Profile.xlsx of the SDK).
_FILE_ID = Message(number=0, fields=((0, "e"), (1, "H"), (2, "H"), (4, "I")), text=8)
_EVENT = Message(number=21, fields=((253, "I"), (0, "e"), (1, "e")))
_RECORD = Message(number=20, fields=((253, "I"), (0, "i"), (1, "i"), (5, "I"), (78, "I"), (73, "I")))
_SUMMARY_FIELDS = (
    (253, "I"),
    (2, "I"),
    (3, "i"),
    (4, "i"),
    (7, "I"),
    (8, "I"),
    (9, "I"),
    (0, "e"),
    (1, "e"),
    (254, "H"),
)
_LAP = Message(number=19, fields=_SUMMARY_FIELDS)
_SESSION = Message(number=18, fields=(*_SUMMARY_FIELDS, (5, "e"), (6, "e"), (25, "H"), (26, "H")))
_ACTIVITY = Message(number=34, fields=((253, "I"), (0, "I"), (1, "H"), (2, "e"), (3, "e"), (4, "e")))
_FILE_ACTIVITY, _DEVELOPMENT = 4, 255
_TIMER, _SESSION_EVENT, _LAP_EVENT, _ACTIVITY_EVENT, _USER_MARKER = 0, 8, 9, 26, 32
_START, _STOP, _MARKER, _STOP_ALL = 0, 1, 3, 4

FIT_EPOCH = 631065600  # 1989-12-31T00:00:00Z, the epoch of FIT, in POSIX seconds
_SEMICIRCLES = 2.0**31 / 180


def write_fit(telemetry: Telemetry, selection: Selection, out: BinaryIO) -> None:
    """Write the activity. Raises NoTrackError without a track, or without UTC for it."""
    track_points = build_points(telemetry, replace(selection, rate_hz=None))
    if not track_points.dated or track_points.utc.min() < FIT_EPOCH:
        raise NoTrackError("FIT requires the UTC of each point, which is missing in this recording")
    utc = np.maximum.accumulate(track_points.utc)
    track, seconds = _records(track_points, utc, selection.rate_hz)
    hilights = [
        placed.utc for placed in place_hilights(telemetry, track_points, selection) if placed.utc is not None
    ]
    out.write(
        bytes(_activity(track, seconds, [int(each) - FIT_EPOCH for each in hilights], str(telemetry.camera)))
    )


def _records(track_points: Points, utc: Floats, rate_hz: float | None) -> tuple[Points, Int64s]:
    """The points of whole seconds of UTC, and these seconds since FIT's epoch."""
    whole, first = np.unique(np.rint(utc).astype(np.int64), return_index=True)
    if rate_hz is None and len(utc) > 1 and float(np.median(np.diff(utc))) > 1.0:
        return select_points(
            track_points, first
        ), whole - FIT_EPOCH  # slower than one record per second (time-lapse): unchanged
    even = build_grid(utc, min(rate_hz or 1.0, 1.0))
    if not len(even.times):
        # A track within one second may contain no whole second: use its first point.
        return select_points(track_points, first[:1]), whole[:1] - FIT_EPOCH
    return resample_points(track_points, even), np.rint(even.times).astype(np.int64) - FIT_EPOCH


def _activity(track: Points, seconds: Int64s, hilights: list[int], camera: str) -> FitFile:
    file = FitFile()
    start, end = int(seconds[0]), int(seconds[-1])
    distance = np.concatenate([np.zeros(1), np.cumsum(distances(track.lat, track.lon))])
    lat, lon = (np.rint(each * _SEMICIRCLES).astype(np.int64) for each in (track.lat, track.lon))
    columns = (
        lat,
        np.minimum(lon, 2**31 - 1),
        np.rint(distance * 100),
        np.rint((track.alt_m + 500) * 5),
        np.rint(track.speed_2d * 1000),
    )
    file.add(_FILE_ID, _FILE_ACTIVITY, _DEVELOPMENT, 0, start, text=camera)
    file.add(_EVENT, start, _TIMER, _START)
    pending = sorted(hilights)
    for at, *values in zip(
        seconds.tolist(), *(each.astype(np.int64).tolist() for each in columns), strict=True
    ):
        while pending and pending[0] <= at:
            file.add(_EVENT, pending.pop(0), _USER_MARKER, _MARKER)
        file.add(_RECORD, at, *values)
    for each in pending:
        file.add(_EVENT, each, _USER_MARKER, _MARKER)
    file.add(_EVENT, end, _TIMER, _STOP_ALL)
    elapsed, length = (end - start) * 1000, round(float(distance[-1]) * 100)
    summary = (end, start, int(lat[0]), int(lon[0]), elapsed, elapsed, length)
    file.add(_LAP, *summary, _LAP_EVENT, _STOP, 0)
    file.add(_SESSION, *summary, _SESSION_EVENT, _STOP, 0, 0, 0, 0, 1)
    file.add(_ACTIVITY, end, elapsed, 1, 0, _ACTIVITY_EVENT, _STOP)
    return file
