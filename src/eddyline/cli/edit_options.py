"""What commands share that write an edited copy: how they are stopped, and what the copy is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import typer

from eddyline.cli.signals import Interruption
from eddyline.core.errors import Interrupted, UsageError
from eddyline.core.stop import Stop

Made = TypeVar("Made")


def run_stoppable(work: Callable[[Callable[[], None]], Made]) -> Made:
    """Run `work` with a check that raises once Ctrl-C or SIGTERM came; then leave nothing half done.

    Exits with 130 or 143, as a shell expects.
    """
    stop = Stop()
    with Interruption(stop) as interruption:
        try:
            return work(stop.check)
        except Interrupted:
            raise typer.Exit(interruption.exit_code or 1) from None


def output_path(source: Path, out: Path | None, what: str, sources: list[Path]) -> Path:
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
