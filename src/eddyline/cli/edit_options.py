"""Shared code of commands that write an edited copy: the output path, and how they are stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import typer

from eddyline.cli.signals import Interruption
from eddyline.core.errors import Interrupted, UsageError
from eddyline.core.stop import Stop

MP4_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".lrv", ".360"})
Made = TypeVar("Made")


def run_stoppable(work: Callable[[Stop], Made]) -> Made:
    """Run `work` with a stop that Ctrl-C and SIGTERM request, so that no incomplete file remains.

    Exits with 130 or 143, as a shell expects.
    """
    stop = Stop()
    with Interruption(stop) as interruption:
        try:
            return work(stop)
        except Interrupted:
            raise typer.Exit(interruption.exit_code or 1) from None


def output_path(
    source: Path,
    out: Path | None,
    operation: str,
    sources: Sequence[Path],
    *,
    suffixes: frozenset[str] = frozenset(),
) -> Path:
    """The file to write: `out`, or a new file in the current directory named after the source and operation.

    With `suffixes`, the default name keeps only these suffixes of the source, and else is an MP4.
    Raises `UsageError` if the file would replace a source, or an existing file that `out` does not name.
    """
    suffix = source.suffix if not suffixes or source.suffix.lower() in suffixes else ".mp4"
    target = out or Path(f"{source.stem}-{operation}{suffix}")
    if target.is_dir():
        raise UsageError(f"{target} is a directory", remedy="pass the file to write with --out FILE")
    if any(target.exists() and each.exists() and target.samefile(each) for each in sources):
        raise UsageError(f"{target} would replace a source", remedy="pass another file with --out")
    if out is None and target.exists():
        raise UsageError(f"{target} already exists", remedy="pass the file to write with --out")
    return target
