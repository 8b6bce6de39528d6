"""`eddyline telemetry`: shows or exports the telemetry of a recording."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli.terminal import console
from eddyline.core.errors import UsageError
from eddyline.core.formatting import format_count, format_duration, format_size, printable

if TYPE_CHECKING:
    from eddyline.gpmf import Telemetry, UtcClock
    from eddyline.gpmf.export import Selection
    from eddyline.mp4.byte_ranges import ByteRanges

_FORMATS = "json, csv, parquet, gpx, geojson, kml, fit, svg, highlights"
_UNITS_WIDTH = 28


def telemetry(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL",
            help="A GoPro MP4, MOV, LRV, .360 or JPEG file, or raw GPMF: a path or http(s)://, s3://, gs://, az://.",
            show_default=False,
        ),
    ],
    summary: Annotated[bool, typer.Option("--summary", help="Print a summary (the default).")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --summary: print it as JSON; else the same as --format json.")
    ] = False,
    format: Annotated[  # noqa: A002 - the option's name
        str, typer.Option("--format", metavar="FORMAT", help=f"Export as {_FORMATS}.", show_default=False)
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="Write to this file; its extension selects the format. Default: stdout.",
        ),
    ] = None,
    stream: Annotated[
        list[str] | None,
        typer.Option("--stream", metavar="KEY", help="Export only this stream (repeatable)."),
    ] = None,
    fix: Annotated[
        int | None,
        typer.Option("--fix", metavar="2|3", help="Export only GPS samples with at least this fix."),
    ] = None,
    max_dop: Annotated[
        float | None,
        typer.Option(
            "--max-dop",
            metavar="DOP",
            help="Export only GPS samples with at most this dilution of precision.",
        ),
    ] = None,
    start: Annotated[
        float | None, typer.Option("--from", metavar="S", help="Start at this media time, in seconds.")
    ] = None,
    end: Annotated[
        float | None, typer.Option("--to", metavar="S", help="Stop at this media time, in seconds.")
    ] = None,
    rate: Annotated[float | None, typer.Option("--rate", metavar="HZ", help="Resample to this rate.")] = None,
    turned: Annotated[
        bool, typer.Option("--xyz", help="Convert motion sensors to X, Y, Z axis order.")
    ] = False,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Read the valid parts of a damaged file.")
    ] = False,
) -> None:
    """Show or export telemetry: GPS, motion, exposure, faces, HiLights, settings."""
    from eddyline.gpmf.export import Selection

    selection = Selection(
        streams=tuple(stream or ()),
        fix=fix,
        max_dop=max_dop,
        start_s=start,
        end_s=end,
        rate_hz=rate,
        turned=turned,
    )
    exporting = bool(format or out or (as_json and not summary))
    if summary and exporting:
        raise UsageError(
            "--summary is mutually exclusive with --format and --out", remedy="remove one of them"
        )
    if not exporting and selection.to_json():
        raise UsageError(
            "filters do not apply to the summary",
            remedy="pass --format or --out to export with filters",
        )
    if as_json and format not in {"", "json"}:
        raise UsageError(
            f"--json and --format {format} are mutually exclusive", remedy="pass only one of them"
        )
    chosen = format or ("json" if as_json else "")
    if chosen or out:
        _check(chosen, out)
    with _opened(file) as source:
        found = _read(source, lenient=lenient)
        if exporting:
            _export(found, chosen, out, selection)
        elif as_json:
            typer.echo(json.dumps(found.summary(), indent=2, ensure_ascii=False))
        else:
            show_summary(file, found)


def _read(source: Path | ByteRanges, *, lenient: bool) -> Telemetry:
    from eddyline import gpmf

    found = gpmf.read(source, lenient=lenient)
    for warning in found.warnings if lenient else ():
        sys.stderr.write(f"eddyline: {printable(warning)}\n")
    return found


@contextlib.contextmanager
def _opened(file: str) -> Iterator[Path | ByteRanges]:
    from eddyline.store.open_source import is_remote, open_remote

    if not is_remote(file):
        yield Path(file)
        return
    ranges = open_remote(file)
    try:
        yield ranges
    finally:
        ranges.close()


def _check(chosen: str, out: Path | None) -> None:
    """Raise before reading if the export cannot be written."""
    from eddyline.gpmf.export import format_named, format_of

    row = format_named(chosen) if chosen else format_of(out or Path())
    if out is None and not row.text and sys.stdout.isatty():
        raise UsageError(
            f"{row.name} is a binary format and standard output is a terminal", remedy="pass --out PATH"
        )


def _export(found: Telemetry, chosen: str, out: Path | None, selection: Selection) -> None:
    from eddyline.gpmf import export

    if out is None:
        export.write(found, sys.stdout.buffer, chosen, selection)
        sys.stdout.buffer.flush()
        return
    made = export.save(found, out, chosen, selection)
    screen = console()
    for path in made:
        screen.print(f"{printable(path)}, {format_size(path.stat().st_size)}", soft_wrap=True)


def show_summary(file: str, found: Telemetry) -> None:
    """Print the summary of a recording."""
    screen = console()
    screen.print(printable(file), style="bold", soft_wrap=True)
    for heading, value in _facts(found):
        screen.print(f"  {heading:<12}{printable(value)}", soft_wrap=True)
    if found.streams:
        screen.print(
            f"  {'stream':<12}{'samples':>9} {'rate':>12}  {'units':<{_UNITS_WIDTH}}  name", style="dim"
        )
    for label, stream in found.streams.items():
        units = ", ".join(dict.fromkeys(unit for unit in stream.units if unit))
        cut = units if len(units) <= _UNITS_WIDTH else units[: _UNITS_WIDTH - 1] + "…"
        rate = f"{stream.rate_hz:.3f} Hz"
        line = f"{label:<12}{len(stream):>9,} {rate:>12}  {cut:<{_UNITS_WIDTH}}  {stream.name}"
        screen.print(f"  {printable(line.rstrip())}", soft_wrap=True)


def _clock(clock: UtcClock, *, time_lapse: bool) -> str:
    """The rule that maps media time to UTC, and its reason."""
    readings = f"{clock.used:,} of {format_count(clock.given, 'GPS reading')}"
    if clock.real_time is None:
        about = f"media time, placed in UTC by {readings}"
    else:
        kind = "TimeWarp or time-lapse" if clock.speed > 1 else "slow motion"
        about = f"GPS time, {readings}: {clock.speed:.3g} times as fast as media time ({kind})"
    return about + ("; the camera settings indicate a time-lapse" if time_lapse else "")


def _facts(found: Telemetry) -> Iterator[tuple[str, str]]:
    camera = found.camera
    named = [camera.model, camera.firmware, f"serial {camera.serial}" if camera.serial else ""]
    yield "camera", ", ".join(part for part in named if part) or "unknown"
    yield "telemetry", f"{format_count(len(found.payloads), 'payload')}, {format_duration(found.duration_s)}"
    track = found.gps
    if track is None:
        yield "GPS", "none"
    else:
        valid = int(track.valid.sum())
        start = ""
        if track.clock is not None:
            with contextlib.suppress(ValueError, OverflowError, OSError):
                start = f", from {track.clock.datetime(0.0):%Y-%m-%d %H:%M:%S} UTC"
            yield "clock", _clock(track.clock, time_lapse=camera.time_lapse)
        about = f"altitude above {track.altitude_reference}"
        yield (
            "GPS",
            f"{track.key}, {valid:,} of {format_count(len(track), 'sample')} with a fix, {about}{start}",
        )
    if found.hilights:
        yield "HiLights", ", ".join(f"{mark.time_s:.1f} s" for mark in found.hilights[:20])
    if found.warnings:
        yield "warnings", f"{format_count(len(found.warnings), 'warning')}: {found.warnings[0]}"
