"""KML 2.2 with gx:Track (developers.google.com/kml/documentation/kmlreference#gxtrack).

A gx:Track pairs each position with its UTC, so that viewers can play it; a recording without UTC becomes a
line. KML's altitudes are above mean sea level: those above the ellipsoid are written but not displayed (the
track is clamped to the ground), and the description states the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from eddyline.gpmf.export.gpx import xml_text
from eddyline.gpmf.export.points import Points, build_points, iso_time, iso_times, place_hilights
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.telemetry import Telemetry

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2">
<Document>
"""
_ALONG = {
    "speed_2d": "Speed over ground (m/s)",
    "speed_3d": "Speed (m/s)",
    "dop": "Dilution of precision",
    "media_s": "Time in the movie (s)",
}


def write_kml(telemetry: Telemetry, selection: Selection, out: BinaryIO) -> None:
    """Write the track. Raises NoTrackError without a track."""
    found = build_points(telemetry, selection)
    name = xml_text(str(telemetry.camera))
    fields = "".join(
        f'<gx:SimpleArrayField name="{key}" type="float"><displayName>{title}</displayName>'
        "</gx:SimpleArrayField>"
        for key, title in _ALONG.items()
    )
    out.write(
        f"{_HEAD}<name>{name}</name>\n"
        f"<description>Altitudes are metres, reference: {found.altitude_reference}.</description>\n"
        '<Style id="track"><LineStyle><color>ff0060ff</color><width>4</width></LineStyle></Style>\n'
        f'<Schema id="along">{fields}</Schema>\n'.encode()
    )
    for hilight in place_hilights(telemetry, found, selection):
        when = (
            f"<TimeStamp><when>{iso_time(hilight.utc)}</when></TimeStamp>" if hilight.utc is not None else ""
        )
        out.write(
            f"<Placemark><name>HiLight</name>{when}<Point><coordinates>{hilight.lon:.7f},{hilight.lat:.7f}"
            "</coordinates></Point></Placemark>\n".encode()
        )
    out.write(f"<Placemark><name>{name}</name><styleUrl>#track</styleUrl>\n".encode())
    out.writelines(part.encode() for part in (_tracks(found) if found.dated else _lines(found)))
    out.write(b"</Placemark>\n</Document>\n</kml>\n")


def _mode(found: Points) -> str:
    return f"<altitudeMode>{'clampToGround' if found.above_ellipsoid else 'absolute'}</altitudeMode>"


def _tracks(found: Points) -> Iterator[str]:
    """One gx:Track for each run. In each, all times come first, as in the schema's example."""
    dates = iso_times(found.utc)
    yield f"<gx:MultiTrack>{_mode(found)}<gx:interpolate>0</gx:interpolate>\n"
    for first, last in found.runs:
        rows = slice(first, last)
        places = zip(*(each[rows].tolist() for each in (found.lon, found.lat, found.alt_m)), strict=True)
        yield f"<gx:Track>{_mode(found)}\n"
        yield "\n".join(f"<when>{date}</when>" for date in dates[rows]) + "\n"
        yield "\n".join(f"<gx:coord>{lon:.7f} {lat:.7f} {alt:.3f}</gx:coord>" for lon, lat, alt in places)
        yield '\n<ExtendedData><SchemaData schemaUrl="#along">\n'
        for key, values in zip(_ALONG, (found.speed_2d, found.speed_3d, found.dop, found.times), strict=True):
            if np.isfinite(values[rows]).all():
                text = "".join(
                    f"<gx:value>{value:g}</gx:value>" for value in np.round(values[rows], 3).tolist()
                )
                yield f'<gx:SimpleArrayData name="{key}">{text}</gx:SimpleArrayData>\n'
        yield "</SchemaData></ExtendedData></gx:Track>\n"
    yield "</gx:MultiTrack>\n"


def _lines(found: Points) -> Iterator[str]:
    """A line for each run; a run of one point is a line to itself."""
    yield "<MultiGeometry>\n"
    for first, last in found.runs:
        rows = slice(first, last)
        places = list(
            zip(*(each[rows].tolist() for each in (found.lon, found.lat, found.alt_m)), strict=True)
        )
        text = " ".join(
            f"{lon:.7f},{lat:.7f},{alt:.3f}" for lon, lat, alt in places * (1 + (len(places) == 1))
        )
        yield f"<LineString>{_mode(found)}<coordinates>{text}</coordinates></LineString>\n"
    yield "</MultiGeometry>\n"
