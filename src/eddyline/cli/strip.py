"""`eddyline strip-location`: a copy of a recording that does not say where it was made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eddyline.cli.copying import named, stoppable
from eddyline.cli.terminal import console
from eddyline.pipeline.words import count, shown


def strip_location(
    source: Annotated[
        Path,
        typer.Argument(metavar="IN", help="An MP4, MOV, LRV or .360; or raw GPMF.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="[default: the source's name, -stripped]"),
    ] = None,
) -> None:
    """Copy a recording without its location; picture, sound and motion sensors keep every byte."""
    from eddyline.pipeline.edit.strip import strip_location as strip

    target = named(source, out, "stripped", [source])
    made = stoppable(lambda check: strip(source, target, check=check))
    screen = console()
    screen.print(shown(target), style="bold", soft_wrap=True)
    if not made.payloads and not made.places:
        screen.print("  there was no location in it: the copy is identical", soft_wrap=True)
        return
    if made.payloads:
        screen.print(f"  positions removed from {count(made.payloads, 'telemetry payload')}", soft_wrap=True)
    for place, times in made.places.items():
        screen.print(
            f"  removed: {shown(place)}" + (f" ({times} times)" if times > 1 else ""), soft_wrap=True
        )
