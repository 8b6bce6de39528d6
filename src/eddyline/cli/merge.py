"""`eddyline merge`: the chapters of one recording as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eddyline.cli.terminal import console
from eddyline.core.errors import MissingError, UsageError
from eddyline.pipeline.words import count, duration, shown, size


def merge(
    chapters: Annotated[
        list[Path],
        typer.Argument(metavar="CHAPTER...", help="The chapters, in any order.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="[default: the first chapter's name, -merged]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Join even if a chapter is missing.")] = False,  # noqa: FBT002 - Typer's way to declare a flag
) -> None:
    """Join a camera's chapters into one file: nothing is encoded again, telemetry and HiLights go on."""
    from eddyline.pipeline.edit.chapters import in_order  # noqa: PLC0415 - help must not wait for NumPy
    from eddyline.pipeline.edit.merge import merge as join  # noqa: PLC0415 - likewise

    for each in chapters:
        if not each.is_file():
            raise MissingError(
                f"there is no file {each}", remedy="check the path and that the card is mounted"
            )
    target = named(in_order(chapters, force=force)[0], out, "merged", chapters)
    made = join(chapters, target, force=force)
    screen = console()
    screen.print(shown(target), style="bold", soft_wrap=True)
    facts = [
        f"{len(made.chapters)} chapters",
        count(made.frames, "frame"),
        duration(made.duration_s),
        *([count(made.payloads, "telemetry payload")] if made.payloads else []),
        size(made.bytes),
    ]
    screen.print(f"  {', '.join(facts)}", soft_wrap=True)


def named(source: Path, out: Path | None, what: str, sources: list[Path]) -> Path:
    """The file to write: `out`, or one in the current folder named after the source, if there is none yet.

    Raises `UsageError` where it would replace a source, or something that the user did not name.
    """
    target = out or Path(f"{source.stem}-{what}{source.suffix}")
    if target.is_dir():
        raise UsageError(f"{target} is a folder", remedy="name the file to write: --out FILE")
    if any(target.exists() and each.exists() and target.samefile(each) for each in sources):
        raise UsageError(f"{target} would replace a source", remedy="name another file with --out")
    if out is None and target.exists():
        raise UsageError(f"{target} is there already", remedy="name the file to write with --out")
    return target
