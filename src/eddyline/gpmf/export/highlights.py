"""highlights.json: the HiLights, with their position and UTC if known."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
import orjson

from eddyline.gpmf.export.json_document import hilight_json
from eddyline.gpmf.export.points import NoTrackError, build_points, iso_time, select_hilights
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.telemetry import Telemetry

FORMAT, VERSION = "eddyline-highlights", 1


def write_highlights(telemetry: Telemetry, selection: Selection, out: BinaryIO) -> None:
    """Write the list in order of time; it may be empty."""
    out.write(orjson.dumps(highlights_document(telemetry, selection), option=orjson.OPT_INDENT_2) + b"\n")


def highlights_document(telemetry: Telemetry, selection: Selection | None = None) -> dict[str, Any]:
    """The list as JSON values. `place_from` is "camera" (stored with the HiLight) or "track"."""
    selection = selection or Selection()
    clock = telemetry.gps.clock if telemetry.gps else None
    try:
        track = build_points(telemetry, Selection(fix=selection.fix, max_dop=selection.max_dop))
    except NoTrackError:
        track = None
    entries = []
    for hilight in select_hilights(telemetry, selection):
        entry = hilight_json(hilight)
        if clock is not None:
            entry["utc"] = iso_time(float(clock.at(np.array([hilight.time_s]))[0]))
        if hilight.lat is not None:
            entry["place_from"] = "camera"
        elif track is not None and (place := track.at(hilight.time_s)):
            entry |= {
                "lat": round(place[0], 7),
                "lon": round(place[1], 7),
                "alt_m": round(place[2], 3),
                "place_from": "track",
            }
        entries.append(entry)
    return {"format": FORMAT, "version": VERSION, "highlights": entries}
