"""GeoJSON (RFC 7946): the track as one feature, each HiLight as another.

Section 4 requires a third coordinate to be metres above the WGS 84 ellipsoid: it is written if the camera's
altitudes are, and otherwise only as the property `coordinateProperties.alt_m`, which is always present (with
times, UTC, speeds, DOP and fix; nested as the coordinates are). Section 3.1.9: lines are split at the 180th
meridian.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
import orjson

from eddyline.gpmf.export.json_document import hilight_json
from eddyline.gpmf.export.points import DEGREES, Points, build_points, iso_time, iso_times, place_hilights
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.telemetry import Telemetry

Json = dict[str, Any]
_HALF_TURN = 180.0


def write_geojson(telemetry: Telemetry, selection: Selection, out: BinaryIO) -> None:
    """Write the track. Raises NoTrackError without a track."""
    out.write(
        orjson.dumps(feature_collection(telemetry, selection), option=orjson.OPT_SERIALIZE_NUMPY) + b"\n"
    )


def feature_collection(telemetry: Telemetry, selection: Selection | None = None) -> Json:
    """The FeatureCollection as JSON values (its columns are NumPy arrays or lists)."""
    selection = selection or Selection()
    found = build_points(telemetry, selection)
    features = [_track(telemetry, found)]
    for hilight in place_hilights(telemetry, found, selection):
        properties = hilight_json(hilight.hilight) | (
            {} if hilight.utc is None else {"utc": iso_time(hilight.utc)}
        )
        place = [round(hilight.lon, DEGREES), round(hilight.lat, DEGREES)]
        features.append(_feature({"type": "Point", "coordinates": place}, {"name": "HiLight", **properties}))
    return {"type": "FeatureCollection", "bbox": _box(found), "features": features}


def _box(found: Points) -> list[float]:
    """Section 5: as many dimensions as the coordinates have."""
    west, south, east, north = found.box
    if not found.above_ellipsoid:
        return [west, south, east, north]
    return [west, south, float(found.alt_m.min()), east, north, float(found.alt_m.max())]


def _feature(geometry: Json, properties: Json) -> Json:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _track(telemetry: Telemetry, found: Points) -> Json:
    pieces = list(_pieces(found))
    # Section 3.1.4: a line has at least two positions, so single points are dropped if there are lines.
    pieces = [(first, last) for first, last in pieces if last - first > 1] or pieces[:1]
    along: Json = {}
    for name, values in _columns(found):
        each = [values[first:last] for first, last in pieces]
        along[name] = each if len(pieces) > 1 else each[0]
    return _feature(
        _geometry(found, pieces),
        {
            "name": str(telemetry.camera),
            "source": f"GPMF {found.key}",
            "altitude_reference": found.altitude_reference,
            "coordinateProperties": along,
        },
    )


def _columns(found: Points) -> Iterator[tuple[str, Any]]:
    yield "media_s", found.times
    if found.dated:
        yield "times", iso_times(found.utc)
    yield "alt_m", found.alt_m
    yield "speed_2d", found.speed_2d
    yield "speed_3d", found.speed_3d
    yield "fix", found.fix
    yield "dop", found.dop


def _geometry(found: Points, pieces: list[tuple[int, int]]) -> Json:
    columns = [found.lon, found.lat, found.alt_m] if found.above_ellipsoid else [found.lon, found.lat]
    rows = np.stack(columns, axis=1)
    lines = [rows[first:last] for first, last in pieces]
    if len(lines) == 1:
        if len(lines[0]) == 1:
            return {"type": "Point", "coordinates": lines[0][0]}
        return {"type": "LineString", "coordinates": lines[0]}
    return {"type": "MultiLineString", "coordinates": lines}


def _pieces(found: Points) -> Iterator[tuple[int, int]]:
    """The runs, split at the 180th meridian."""
    crossings = np.flatnonzero(np.abs(np.diff(found.lon)) > _HALF_TURN) + 1
    for first, last in found.runs:
        inside = crossings[(crossings > first) & (crossings < last)].tolist()
        yield from pairwise([first, *inside, last])
