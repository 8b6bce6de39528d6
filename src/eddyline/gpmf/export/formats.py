"""The export formats by name, and writing a recording in one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from eddyline.core.atomic_output import atomic_output
from eddyline.core.errors import UsageError
from eddyline.core.files import translate_errors
from eddyline.core.lazy_names import lazy_function
from eddyline.gpmf.export.selection import Selection
from eddyline.gpmf.export.tables import Table, build_table
from eddyline.gpmf.telemetry import Telemetry

RecordingWriter = Callable[[Telemetry, Selection, BinaryIO], None]
StreamWriter = Callable[[Table, BinaryIO], None]


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format: its name, the suffix of its files, a description, and its writer.

    `write_recording` writes a recording to a file, `write_stream` a stream. `text`: not a binary format.
    """

    name: str
    suffix: str
    title: str
    write_recording: RecordingWriter | None = None
    write_stream: StreamWriter | None = None
    text: bool = True


def _writer(module: str, function: str) -> Callable[..., None]:
    """A writer whose module is imported when it first writes: most of them are not needed."""
    return lazy_function(f"eddyline.gpmf.export.{module}", function)


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format(
            name="json",
            suffix=".json",
            title="everything, with a JSON schema",
            write_recording=_writer("json_document", "write_json"),
        ),
        Format(
            name="csv",
            suffix=".csv",
            title="one table for each stream",
            write_stream=_writer("csv_table", "write_csv"),
        ),
        Format(
            name="parquet",
            suffix=".parquet",
            title="the same tables for analysis tools",
            write_stream=_writer("parquet", "write_parquet"),
            text=False,
        ),
        Format(
            name="gpx",
            suffix=".gpx",
            title="the track, GPX 1.1",
            write_recording=_writer("gpx", "write_gpx"),
        ),
        Format(
            name="geojson",
            suffix=".geojson",
            title="the track, RFC 7946",
            write_recording=_writer("geojson", "write_geojson"),
        ),
        Format(
            name="kml",
            suffix=".kml",
            title="the track, KML with gx:Track",
            write_recording=_writer("kml", "write_kml"),
        ),
        Format(
            name="fit",
            suffix=".fit",
            title="the track as an activity",
            write_recording=_writer("fit", "write_fit"),
            text=False,
        ),
        Format(
            name="svg",
            suffix=".svg",
            title="an image of the track",
            write_recording=_writer("svg_map", "write_svg"),
        ),
        Format(
            name="highlights",
            suffix=".highlights.json",
            title="the HiLights",
            write_recording=_writer("highlights", "write_highlights"),
        ),
    )
}


def format_of(path: Path) -> Format:
    """The format of a file's suffix. Raises UsageError."""
    rows = sorted(FORMATS.values(), key=lambda row: -len(row.suffix))
    found = next((row for row in rows if path.name.lower().endswith(row.suffix)), None)
    if found is None:
        raise UsageError(
            f"{path.name} has no known suffix", remedy=f"pass --format, or a name that ends in {_suffixes()}"
        )
    return found


def format_named(name: str) -> Format:
    """The format of this name. Raises UsageError."""
    if name not in FORMATS:
        raise UsageError(f"unknown format {name}", remedy=f"choose from {', '.join(FORMATS)}")
    return FORMATS[name]


def _suffixes() -> str:
    return ", ".join(row.suffix for row in FORMATS.values())


def write(telemetry: Telemetry, out: BinaryIO, format: str, selection: Selection | None = None) -> None:  # noqa: A002 - its name
    """Write one file to an open binary file.

    Raises:
        UsageError: an unknown format, filter or stream; several streams in a format with one stream per file.
        NoTrackError: the format contains a track and there is none.
    """
    row, selection = format_named(format), selection or Selection()
    if row.write_recording is not None:
        row.write_recording(telemetry, selection, out)
    elif row.write_stream is not None:
        streams = selection.streams_of(telemetry)
        if len(streams) != 1:
            raise UsageError(
                f"{row.name} files contain one stream, but {len(streams)} are selected",
                remedy="select one (--stream ACCL), or write to a directory (--out DIR)",
            )
        row.write_stream(build_table(telemetry, streams[0], selection), out)


def save(
    telemetry: Telemetry,
    path: Path,
    format: str = "",  # noqa: A002 - its name
    selection: Selection | None = None,
) -> tuple[Path, ...]:
    """Write to a file atomically; the format follows from the suffix unless given.

    In a format with one stream per file and several streams, `path` is a directory ("ACCL.csv" in it) or, if
    it has the format's suffix, a pattern ("trip.csv" becomes "trip.ACCL.csv").

    Raises:
        UsageError, NoTrackError: as `write`.
        TransientError: the disk is full, or a file has the name of a required directory.
    """
    row, selection = format_named(format) if format else format_of(path), selection or Selection()
    directory = path.is_dir()
    if row.write_stream is not None:
        streams = selection.streams_of(telemetry)
        if directory or len(streams) != 1 or not path.suffix:
            return _save_streams(telemetry, path, row.write_stream, row.suffix, selection)
    elif directory:
        path /= f"telemetry{row.suffix}"
    with atomic_output(path) as output, output.file.open("wb") as out:
        write(telemetry, out, row.name, selection)
    return (path,)


def _save_streams(
    telemetry: Telemetry, path: Path, write_stream: StreamWriter, suffix: str, selection: Selection
) -> tuple[Path, ...]:
    stem = path.name[: -len(suffix)] + "." if path.name.lower().endswith(suffix) and not path.is_dir() else ""
    directory = path.parent if stem else path
    with translate_errors(f"creating {directory}"):
        directory.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    if not telemetry.streams:
        raise UsageError(
            "the recording has no streams", remedy="export its HiLights with --format highlights"
        )
    for stream in selection.streams_of(telemetry):
        name = _file_name(stream.label, {each.name for each in written}, stem, suffix)
        file = directory / f"{stem}{name}{suffix}"
        with atomic_output(file) as output, output.file.open("wb") as out:
            write_stream(build_table(telemetry, stream, selection), out)
        written.append(file)
    return tuple(written)


def _file_name(label: str, used: set[str], stem: str, suffix: str) -> str:
    """A label as a file name: letters, digits and a few signs; numbered if it is not unique."""
    stem_text = "".join(
        char if char.isascii() and (char.isalnum() or char in "-_@") else "_" for char in label
    )[:100]
    number, name = 2, stem_text
    while f"{stem}{name}{suffix}" in used:
        name, number = f"{stem_text}-{number}", number + 1
    return name
