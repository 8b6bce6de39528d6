"""The telemetry files of a published asset."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from eddyline.core.files import translate_errors
from eddyline.gpmf.export.geojson import write_geojson
from eddyline.gpmf.export.gpx import write_gpx
from eddyline.gpmf.export.highlights import write_highlights
from eddyline.gpmf.export.json_document import write_json
from eddyline.gpmf.export.points import NoTrackError, build_points
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.export.svg_map import write_svg
from eddyline.gpmf.telemetry import Telemetry

_LEVEL = 6


def write_side_files(telemetry: Telemetry, directory: Path) -> tuple[str, ...]:
    """Write telemetry.json.gz, track.gpx, track.geojson, track.svg and highlights.json into `directory`.

    Files without data are omitted; returns the names of the others. The same telemetry gives the same bytes.
    Raises TransientError if the disk is full.
    """
    everything = Selection()
    writers: dict[str, Callable[[BinaryIO], None]] = {}
    if telemetry.streams or telemetry.hilights:
        writers["telemetry.json.gz"] = lambda out: _write_gzip(telemetry, out)
    if _has_track(telemetry):
        writers["track.gpx"] = lambda out: write_gpx(telemetry, everything, out)
        writers["track.geojson"] = lambda out: write_geojson(telemetry, everything, out)
        writers["track.svg"] = lambda out: write_svg(telemetry, everything, out)
    if telemetry.hilights:
        writers["highlights.json"] = lambda out: write_highlights(telemetry, everything, out)
    for name, writer in writers.items():
        with translate_errors(f"writing {directory / name}"), (directory / name).open("wb") as out:
            writer(out)
    return tuple(writers)


def _has_track(telemetry: Telemetry) -> bool:
    try:
        return len(build_points(telemetry)) > 0
    except NoTrackError:
        return False


def _write_gzip(telemetry: Telemetry, out: BinaryIO) -> None:
    """Gzip without a time or name in its header, so that the same document gives the same bytes."""
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=out, mtime=0) as zipped:
        write_json(telemetry, Selection(), cast("BinaryIO", zipped))
