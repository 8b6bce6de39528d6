"""`eddyline strip-location`: copies a recording without its location."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli.edit_options import output_path, run_stoppable
from eddyline.cli.terminal import console
from eddyline.core.formatting import format_count, printable

if TYPE_CHECKING:
    from eddyline.edit.strip_location.report import StripResult


def strip_location(
    source: Annotated[
        Path,
        typer.Argument(metavar="IN", help="An MP4, MOV, LRV or .360 file, or raw GPMF.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The file to write. Default: IN-stripped."),
    ] = None,
    keep_titles: Annotated[
        bool,
        typer.Option("--keep-titles", help="Keep chapter titles and track names without coordinates."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Copy a recording without its location. Only data known not to contain a location is kept."""
    from eddyline.edit.strip_location.strip import strip_location as strip

    target = output_path(source, out, "stripped", [source])
    made = run_stoppable(lambda stop: strip(source, target, keep_titles=keep_titles, check=stop.check))
    if as_json:
        typer.echo(json.dumps({"path": str(target), **made.to_json()}, indent=2))
    else:
        show(target, made)


def show(target: Path, made: StripResult) -> None:
    """Print the kept and removed parts, with the reasons."""
    screen = console()
    screen.print(printable(target), style="bold", soft_wrap=True)
    for kept in made.kept:
        screen.print(f"  kept        {printable(kept.what)}: {kept.why}", soft_wrap=True)
    for removed in made.removed:
        times = f" ({removed.count:,} times)" if removed.count > 1 else ""
        screen.print(f"  removed     {printable(removed.what)}{times}: {removed.why}", soft_wrap=True)
    if made.payloads:
        screen.print(f"  changed     {format_count(made.payloads, 'telemetry payload')}", soft_wrap=True)
    if not made.removed:
        screen.print("  no location found: nothing was removed", soft_wrap=True)
