"""`eddyline trim`: a stretch of a recording, exact to the frame and the sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli.terminal import console
from eddyline.core.errors import Interrupted, MissingError, UsageError
from eddyline.core.formatting import format_count, format_size, printable

if TYPE_CHECKING:
    from eddyline.edit.trim.trim import Trimmed

_KNOWN = frozenset({".mp4", ".mov", ".m4v", ".lrv", ".360"})


def trim(
    file: Annotated[Path, typer.Argument(metavar="IN", help="A recording.", show_default=False)],
    start: Annotated[
        str,
        typer.Option("--from", metavar="T", help="Where to begin: 12.5, 0:01:02.500 or 120f (frames)."),
    ] = "0",
    end: Annotated[
        str,
        typer.Option("--to", metavar="T", help="Where to end: the first frame left out.  [default: the end]"),
    ] = "",
    keyframes: Annotated[
        bool, typer.Option("--keyframes", help="Cut at keyframes around it; nothing is encoded.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="[default: the recording's name, -trimmed]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say what was cut as JSON.")] = False,
) -> None:
    """Cut a recording: picture to the frame, sound, telemetry, HiLights and time code with it."""
    from eddyline import app
    from eddyline.cli.signals import Interruption
    from eddyline.core.stop import Stop

    if not file.is_file():
        raise MissingError(f"there is no file {file}", remedy="check the path and that the card is mounted")
    target = output_path(file, out, "trimmed")
    with Interruption(Stop()) as interruption:
        try:
            made = app.trim(file, target, start=start, end=end, keyframes=keyframes, stop=interruption.stop)
        except Interrupted as error:
            raise typer.Exit(interruption.exit_code or 1) from error
    if as_json:
        typer.echo(json.dumps(made.to_json(), indent=2))
    else:
        show(made, keyframes=keyframes)


def output_path(source: Path, out: Path | None, what: str) -> Path:
    """The file to write: `out`, or one in the current folder named after the source, if there is none yet.

    Raises `UsageError` where it would replace the source, or something that the user did not name.
    """
    suffix = source.suffix if source.suffix.lower() in _KNOWN else ".mp4"
    target = out or Path(f"{source.stem}-{what}{suffix}")
    if target.is_dir():
        raise UsageError(f"{target} is a folder", remedy="name the file to write: --out FILE")
    if target.exists() and target.samefile(source):
        raise UsageError(f"{target} would replace its source", remedy="name another file with --out")
    if out is None and target.exists():
        raise UsageError(f"{target} is there already", remedy="name the file to write with --out")
    return target


def show(made: Trimmed, *, keyframes: bool) -> None:
    """Say what was cut, for people."""
    screen = console()
    screen.print(
        f"{printable(made.path)}, {format_size(made.path.stat().st_size)}", style="bold", soft_wrap=True
    )
    where = f"{made.start_s:.3f} to {made.end_s:.3f} s"
    frames = f"frames {made.first:,} to {made.last - 1:,} ({format_count(made.last - made.first, 'frame')})"
    how = f"{made.copied:,} copied, {made.encoded:,} encoded anew"
    if keyframes:
        how = "all copied: cut at keyframes, nothing encoded"
    if made.hidden:
        how += f"; {format_count(made.hidden, 'frame')} in front hidden by an edit"
    lines = [("cut", f"{where}, {frames}"), ("picture", how)]
    if made.telemetry is not None:
        told = made.telemetry
        samples = f"{sum(told.samples.values()):,} samples of {format_count(len(told.samples), 'stream')}"
        lines.append(("telemetry", f"{format_count(told.payloads, 'payload')}, {samples}, proven"))
    if made.left_out:
        lines.append(("left out", ", ".join(made.left_out)))
    for heading, value in lines:
        screen.print(f"  {heading:<12}{printable(value)}", soft_wrap=True)
