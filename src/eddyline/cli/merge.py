"""`eddyline merge`: joins the chapters of a recording into one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eddyline.cli.edit_options import output_path, run_stoppable
from eddyline.cli.terminal import console
from eddyline.core.errors import MissingError
from eddyline.core.formatting import format_count, format_duration, format_size, printable


def merge(
    chapters: Annotated[
        list[Path],
        typer.Argument(metavar="CHAPTER", help="The chapter files, in any order.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The file to write. Default: CHAPTER-merged."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Join even if a chapter is missing or of another recording.")
    ] = False,
) -> None:
    """Join the chapters of a recording into one file, without re-encoding, with telemetry and HiLights."""
    from eddyline.edit.merge.chapters import order_chapters
    from eddyline.edit.merge.merge import merge as join

    for each in chapters:
        if not each.is_file():
            raise MissingError(f"{each} does not exist", remedy="check the path and that the card is mounted")
    target = output_path(order_chapters(chapters, force=force)[0], out, "merged", chapters)
    made = run_stoppable(lambda stop: join(chapters, target, force=force, check=stop.check))
    screen = console()
    screen.print(printable(target), style="bold", soft_wrap=True)
    facts = [
        f"{len(made.chapters)} chapters",
        format_count(made.frames, "frame"),
        format_duration(made.duration_s),
        *([format_count(made.payloads, "telemetry payload")] if made.payloads else []),
        format_size(made.bytes),
    ]
    screen.print(f"  {', '.join(facts)}", soft_wrap=True)
