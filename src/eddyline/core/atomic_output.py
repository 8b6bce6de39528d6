"""Files that people named: they appear whole and on the disk, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from eddyline.core import files
from eddyline.core.locked_directory import held, sweep


@dataclass(frozen=True, kw_only=True)
class Aside:
    """Where to write meanwhile: the `file` that is to appear, and a folder to `work` in."""

    file: Path
    work: Path


@contextmanager
def appearing(out: Path) -> Iterator[Aside]:
    """A place beside `out` to write to; at the end the file is synced and takes the name `out`, at once.

    If anything fails, what was written is removed and `out` is what it was; what a killed process left of an
    earlier try is removed as well, but not what another writes just now: of two, the last to end wins.
    Raises `TransientError` where the disk is full or in the way.
    """
    with files.told_apart(f"writing {out.name}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        with suppress(PermissionError):  # a folder that may be written, but not listed
            sweep(files.asides(out))
        with held(lambda: files.aside(out)) as folder:
            made = Aside(file=folder / "whole" / out.name, work=folder / "work")
            made.file.parent.mkdir()
            made.work.mkdir()
            yield made
            files.sync_file(made.file)
            made.file.replace(out)
        files.sync_folder(out.parent)
