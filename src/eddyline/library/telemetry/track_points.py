"""Selects the points of a GPS track that show its shape, and tells which of them are trustworthy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.export.geodesy import Plane
from eddyline.gpmf.track import GpsTrack

MAX_DOP = 5.0
"""Positions with a greater dilution of precision are shown as uncertain; the usual limit."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]


def good_positions(track: GpsTrack) -> Bools:
    """Which samples have a fix and a low dilution of precision, where the camera reports them."""
    return np.asarray(track.valid & np.isfinite(track.times) & ~(track.dop > MAX_DOP))


def shape(lat: Floats, lon: Floats, good: Bools, points: int) -> Int64s:
    """The numbers of about `points` samples, in order, that show the shape of the track.

    Of each part of the track the first sample is taken, and the one that deviates most from the chord to the
    next part, among the good ones. The first and the last sample of the track, and every change between good
    and bad, are always taken.
    """
    count = len(lat)
    if count <= points:
        return np.arange(count, dtype=np.int64)
    starts = np.unique(np.linspace(0, count, max(points // 2, 1), endpoint=False).astype(np.int64))
    changes = np.flatnonzero(np.diff(good)) + 1
    if len(changes) > points:  # a receiver at its limit: some changes only
        changes = changes[:: len(changes) // points + 1]
    kept = [starts, _deviating(lat, lon, good, starts), changes, changes - 1, np.array([count - 1])]
    return np.unique(np.concatenate(kept)).astype(np.int64)


def _deviating(lat: Floats, lon: Floats, good: Bools, starts: Int64s) -> Int64s:
    """Of each part the good sample with the greatest distance from the chord of its ends."""
    if not good.any():
        return starts
    north, east = _metres(lat, lon, good)
    ends = np.append(starts[1:], len(lat) - 1)
    part = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(lat))))
    along_east, along_north = east[ends] - east[starts], north[ends] - north[starts]
    length = np.hypot(along_east, along_north)
    from_east, from_north = east - east[starts][part], north - north[starts][part]
    across = np.abs(from_east * along_north[part] - from_north * along_east[part])
    straight = np.hypot(from_east, from_north)
    distance = np.where(length[part] > 0, across / np.maximum(length[part], 1e-9), straight)
    distance = np.where(good, distance, -1.0)
    greatest = np.maximum.reduceat(distance, starts)
    at = np.flatnonzero(distance == greatest[part])
    _, first = np.unique(part[at], return_index=True)
    return np.asarray(at[first], dtype=np.int64)


def _metres(lat: Floats, lon: Floats, good: Bools) -> tuple[Floats, Floats]:
    """(north, east) in metres on a plane; bad positions, which may be anywhere, are on the last good one."""
    last = np.maximum.accumulate(np.where(good, np.arange(len(lat)), 0))
    last = np.where(good[last], last, int(np.argmax(good)))
    east, north = Plane.around(lat[good], lon[good]).metres(lat[last], lon[last])
    return north, east
