"""`eddyline trim`: copies a range of a recording, exact to the frame and the sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli.edit_options import MP4_SUFFIXES, output_path, run_stoppable
from eddyline.cli.terminal import console
from eddyline.core.errors import MissingError
from eddyline.core.formatting import format_count, format_size, printable

if TYPE_CHECKING:
    from eddyline.edit.trim.trim import Trimmed


def trim(
    file: Annotated[Path, typer.Argument(metavar="IN", help="The recording.", show_default=False)],
    start: Annotated[
        str,
        typer.Option("--from", metavar="T", help="The start time: 12.5, 0:01:02.500 or 120f (frames)."),
    ] = "0",
    end: Annotated[
        str,
        typer.Option("--to", metavar="T", help="The end time, exclusive. Default: the end of IN."),
    ] = "",
    keyframes: Annotated[
        bool, typer.Option("--keyframes", help="Extend the range to keyframes and encode no frame.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The file to write. Default: IN-trimmed."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Copy a range of a recording, exact to the frame, with audio, telemetry, HiLights and time code."""
    from eddyline import app

    if not file.is_file():
        raise MissingError(f"{file} does not exist", remedy="check the path and that the card is mounted")
    target = output_path(file, out, "trimmed", [file], suffixes=MP4_SUFFIXES)
    made = run_stoppable(
        lambda stop: app.trim(file, target, start=start, end=end, keyframes=keyframes, stop=stop)
    )
    if as_json:
        typer.echo(json.dumps(made.to_json(), indent=2))
    else:
        show(made, keyframes=keyframes)


def show(made: Trimmed, *, keyframes: bool) -> None:
    """Print what was cut."""
    screen = console()
    screen.print(
        f"{printable(made.path)}, {format_size(made.path.stat().st_size)}", style="bold", soft_wrap=True
    )
    where = f"{made.start_s:.3f} to {made.end_s:.3f} s"
    frames = f"frames {made.first:,} to {made.last - 1:,} ({format_count(made.last - made.first, 'frame')})"
    how = f"{made.copied:,} copied, {made.encoded:,} re-encoded"
    if keyframes:
        how = "all copied, cut at keyframes"
    if made.hidden:
        how += f"; {format_count(made.hidden, 'frame')} at the start hidden by an edit list"
    lines = [("cut", f"{where}, {frames}"), ("video", how)]
    if made.telemetry is not None:
        report = made.telemetry
        samples = f"{sum(report.samples.values()):,} samples of {format_count(len(report.samples), 'stream')}"
        lines.append(("telemetry", f"{format_count(report.payloads, 'payload')}, {samples}, verified"))
    if made.left_out:
        lines.append(("left out", ", ".join(made.left_out)))
    for heading, value in lines:
        screen.print(f"  {heading:<12}{printable(value)}", soft_wrap=True)
