"""highlights.json: the moments that were marked, with their place and UTC where they can be known."""

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
    """Write the list, in order of time; it may be empty."""
    out.write(orjson.dumps(highlights_document(telemetry, selection), option=orjson.OPT_INDENT_2) + b"\n")


def highlights_document(telemetry: Telemetry, selection: Selection | None = None) -> dict[str, Any]:
    """The same as JSON values. `place_from` is "camera" (it noted the place itself) or "track"."""
    selection = selection or Selection()
    clock = telemetry.gps.clock if telemetry.gps else None
    try:
        where = build_points(telemetry, Selection(fix=selection.fix, max_dop=selection.max_dop))
    except NoTrackError:
        where = None
    out = []
    for mark in select_hilights(telemetry, selection):
        told = hilight_json(mark)
        if clock is not None:
            told["utc"] = iso_time(float(clock.at(np.array([mark.time_s]))[0]))
        if mark.lat is not None:
            told["place_from"] = "camera"
        elif where is not None and (place := where.at(mark.time_s)):
            told |= {
                "lat": round(place[0], 7),
                "lon": round(place[1], 7),
                "alt_m": round(place[2], 3),
                "place_from": "track",
            }
        out.append(told)
    return {"format": FORMAT, "version": VERSION, "highlights": out}
