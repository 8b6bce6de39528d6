"""The formats by name, and writing a recording in one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from eddyline.core.atomic_output import atomic_output
from eddyline.core.errors import UsageError
from eddyline.core.files import translate_errors
from eddyline.gpmf.export.csv_table import write_csv
from eddyline.gpmf.export.fit import write_fit
from eddyline.gpmf.export.geojson import write_geojson
from eddyline.gpmf.export.gpx import write_gpx
from eddyline.gpmf.export.highlights import write_highlights
from eddyline.gpmf.export.json_document import write_json
from eddyline.gpmf.export.kml import write_kml
from eddyline.gpmf.export.parquet import write_parquet
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.export.svg_map import write_svg
from eddyline.gpmf.export.tables import Table, build_table
from eddyline.gpmf.telemetry import Telemetry

Whole = Callable[[Telemetry, Selection, BinaryIO], None]
Each = Callable[[Table, BinaryIO], None]


@dataclass(frozen=True, kw_only=True)
class Format:
    """One row: its name, the suffix of its files, what it is for, and who writes it.

    `whole` writes a recording as one file, `each` a stream as one file. `text` is what a terminal can show.
    """

    name: str
    suffix: str
    title: str
    whole: Whole | None = None
    each: Each | None = None
    text: bool = True


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format(name="json", suffix=".json", title="everything, by its schema", whole=write_json),
        Format(name="csv", suffix=".csv", title="one table for each stream", each=write_csv),
        Format(
            name="parquet", suffix=".parquet", title="the same for analysts", each=write_parquet, text=False
        ),
        Format(name="gpx", suffix=".gpx", title="the track, GPX 1.1", whole=write_gpx),
        Format(name="geojson", suffix=".geojson", title="the track, RFC 7946", whole=write_geojson),
        Format(name="kml", suffix=".kml", title="the track, KML with gx:Track", whole=write_kml),
        Format(name="fit", suffix=".fit", title="the track as an activity", whole=write_fit, text=False),
        Format(name="svg", suffix=".svg", title="a picture of the track", whole=write_svg),
        Format(name="highlights", suffix=".highlights.json", title="the HiLights", whole=write_highlights),
    )
}


def format_of(path: Path) -> Format:
    """The format that a file's name asks for. Raises UsageError."""
    rows = sorted(FORMATS.values(), key=lambda row: -len(row.suffix))
    found = next((row for row in rows if path.name.lower().endswith(row.suffix)), None)
    if found is None:
        raise UsageError(
            f"{path.name} does not tell its format", remedy=f"add --format, or end it in {_known()}"
        )
    return found


def format_named(name: str) -> Format:
    """The format of this name. Raises UsageError."""
    if name not in FORMATS:
        raise UsageError(f"there is no format {name}", remedy=f"choose from {', '.join(FORMATS)}")
    return FORMATS[name]


def _known() -> str:
    return ", ".join(row.suffix for row in FORMATS.values())


def write(telemetry: Telemetry, out: BinaryIO, format: str, selection: Selection | None = None) -> None:  # noqa: A002 - its name
    """Write one file's worth to an open binary file.

    Raises:
        UsageError: an unknown format, filter or stream; several streams in a format of one.
        NoTrackError: the format shows a track and there is none.
    """
    row, selection = format_named(format), selection or Selection()
    if row.whole is not None:
        row.whole(telemetry, selection, out)
    elif row.each is not None:
        streams = selection.of(telemetry)
        if len(streams) != 1:
            raise UsageError(
                f"{row.name} holds one stream a file, and {len(streams)} are chosen",
                remedy="choose one (--stream ACCL), or write them into a folder (--out FOLDER)",
            )
        row.each(build_table(telemetry, streams[0], selection), out)


def save(
    telemetry: Telemetry,
    path: Path,
    format: str = "",  # noqa: A002 - its name
    selection: Selection | None = None,
) -> tuple[Path, ...]:
    """Write to a file, whole or not at all; the format is told by its suffix unless given.

    A format of one stream a file with several streams: `path` is a folder ("ACCL.csv" in it), or if it has
    the format's suffix, a pattern ("trip.csv" becomes "trip.ACCL.csv").

    Raises:
        UsageError, NoTrackError: as `write`.
        TransientError: the disk is full, or a file of that name stands where a folder is needed.
    """
    row, selection = format_named(format) if format else format_of(path), selection or Selection()
    folder = path.is_dir()
    if row.each is not None:
        streams = selection.of(telemetry)
        if folder or len(streams) != 1 or not path.suffix:
            return _save_each(telemetry, path, row.each, row.suffix, selection)
    elif folder:
        path /= f"telemetry{row.suffix}"
    with atomic_output(path) as aside, aside.file.open("wb") as out:
        write(telemetry, out, row.name, selection)
    return (path,)


def _save_each(
    telemetry: Telemetry, path: Path, each: Each, suffix: str, selection: Selection
) -> tuple[Path, ...]:
    stem = path.name[: -len(suffix)] + "." if path.name.lower().endswith(suffix) and not path.is_dir() else ""
    folder = path.parent if stem else path
    with translate_errors(f"making {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    if not telemetry.streams:
        raise UsageError("the recording has no streams to write", remedy="highlights may be all it has")
    for stream in selection.of(telemetry):
        place = (
            folder / f"{stem}{_file_name(stream.label, {each.name for each in made}, stem, suffix)}{suffix}"
        )
        with atomic_output(place) as aside, aside.file.open("wb") as out:
            each(build_table(telemetry, stream, selection), out)
        made.append(place)
    return tuple(made)


def _file_name(label: str, taken: set[str], stem: str, suffix: str) -> str:
    """A label as a file's name: letters, digits and a few signs; numbered where that makes two alike."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "-_@") else "_" for char in label)[
        :100
    ]
    number, name = 2, plain
    while f"{stem}{name}{suffix}" in taken:
        name, number = f"{plain}-{number}", number + 1
    return name
