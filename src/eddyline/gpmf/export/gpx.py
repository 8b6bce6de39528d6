"""GPX 1.1 (topografix.com/GPX/1/1): a track with one segment per run, HiLights as waypoints.

Speed is in Garmin's TrackPointExtension v2, which most tools read; movie time, 3D speed and the altitude's
reference are in the namespace of Eddyline. The fix and DOP have elements in GPX itself (the camera's DOP is
of position: pdop).
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import BinaryIO

import numpy as np

from eddyline.gpmf.export.points import (
    PlacedHilight,
    Points,
    build_points,
    iso_time,
    iso_times,
    place_hilights,
)
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.telemetry import Telemetry

EDDYLINE = "urn:eddyline:gpx:1"
_HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="Eddyline" xmlns="http://www.topografix.com/GPX/1/1"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2" xmlns:eddyline="{EDDYLINE}"
 xsi:schemaLocation="http://www.topografix.com/GPX/1/1 http://www.topografix.com/GPX/1/1/gpx.xsd
 http://www.garmin.com/xmlschemas/TrackPointExtension/v2
 http://www8.garmin.com/xmlschemas/TrackPointExtensionv2.xsd">
"""
_FIX = {0: "<fix>none</fix>", 2: "<fix>2d</fix>", 3: "<fix>3d</fix>"}


def write_gpx(telemetry: Telemetry, selection: Selection, out: BinaryIO) -> None:
    """Write the track. Raises NoTrackError without a track."""
    found = build_points(telemetry, selection)
    out.write((_HEAD + _metadata(telemetry, found)).encode())
    out.writelines(_waypoint(mark).encode() for mark in place_hilights(telemetry, found, selection))
    reference = escape(found.altitude_reference, quote=False)
    out.write(
        f"<trk>\n<name>{xml_text(str(telemetry.camera))}</name>\n<src>GPMF {found.key}</src>\n"
        f"<extensions><eddyline:altitude_reference>{reference}</eddyline:altitude_reference></extensions>\n".encode()
    )
    lines = list(_points(found))
    out.writelines(
        ("<trkseg>\n" + "\n".join(lines[first:last]) + "\n</trkseg>\n").encode() for first, last in found.runs
    )
    out.write(b"</trk>\n</gpx>\n")


def xml_safe(text: str) -> str:
    """`text` without control characters, which XML 1.0 cannot contain."""
    return "".join(char if char.isprintable() else " " for char in text)


def xml_text(text: str) -> str:
    """The text as the contents of an XML element."""
    return escape(xml_safe(text), quote=False)


def _metadata(telemetry: Telemetry, found: Points) -> str:
    west, south, east, north = found.box
    known = found.utc[np.isfinite(found.utc)]
    when = f"<time>{iso_time(float(known[0]))}</time>" if len(known) else ""
    about = f"Altitudes are metres above the {found.altitude_reference}."
    if not found.above_ellipsoid:
        about = f"Altitudes are metres above {found.altitude_reference}."
    return (
        f"<metadata><name>{xml_text(str(telemetry.camera))}</name><desc>{about}</desc>{when}"
        f'<bounds minlat="{south:.7f}" minlon="{_lon(west)}" maxlat="{north:.7f}" maxlon="{_lon(east)}"/>'
        "</metadata>\n"
    )


def _waypoint(hilight: PlacedHilight) -> str:
    when = f"<time>{iso_time(hilight.utc)}</time>" if hilight.utc is not None else ""
    return (
        f'<wpt lat="{hilight.lat:.7f}" lon="{_lon(hilight.lon)}"><ele>{hilight.alt_m:.3f}</ele>{when}'
        f"<name>HiLight</name><type>{xml_text(hilight.hilight.kind)}</type>"
        f"<extensions><eddyline:time_s>{hilight.hilight.time_s:.3f}</eddyline:time_s></extensions></wpt>\n"
    )


def _lon(degrees: float) -> str:
    """A longitude: GPX permits -180 up to but excluding 180."""
    return f"{-180.0 if degrees >= 180 else degrees:.7f}"  # noqa: PLR2004 - degrees


def _points(found: Points) -> Iterator[str]:
    stamps: list[str] = iso_times(np.nan_to_num(found.utc))
    known = np.isfinite(found.utc).tolist()
    columns = (found.lat, found.lon, found.alt_m, found.dop, found.fix, found.speed_2d, found.speed_3d)
    rows = zip(*(column.tolist() for column in (found.times, *columns)), stamps, known, strict=True)
    for at, lat, lon, alt, dop, fix, flat, full, stamp, dated in rows:
        when = f"<time>{stamp}</time>" if dated else ""
        known_fix = _FIX.get(fix, "")
        precision = f"<pdop>{dop:.2f}</pdop>" if dop == dop else ""  # noqa: PLR0124 - not NaN
        yield (
            f'<trkpt lat="{lat:.7f}" lon="{_lon(lon)}"><ele>{alt:.3f}</ele>{when}{known_fix}{precision}'
            f"<extensions><gpxtpx:TrackPointExtension><gpxtpx:speed>{flat:.3f}</gpxtpx:speed>"
            f"</gpxtpx:TrackPointExtension><eddyline:time_s>{at:.4f}</eddyline:time_s>"
            f"<eddyline:speed_3d>{full:.3f}</eddyline:speed_3d></extensions></trkpt>"
        )
