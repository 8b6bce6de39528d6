"""Files that people named: they appear whole and on the disk, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from eddyline.core import files
from eddyline.core.locked_directory import lock_directory, remove_unlocked


@dataclass(frozen=True, kw_only=True)
class AtomicOutput:
    """Where to write meanwhile: the `file` that is to appear, and a folder to `work` in."""

    file: Path
    work: Path


@contextmanager
def atomic_output(out: Path) -> Iterator[AtomicOutput]:
    """A place beside `out` to write to; at the end the file is synced and takes the name `out`, at once.

    If anything fails, what was written is removed and `out` is what it was; what a killed process left of an
    earlier try is removed as well, but not what another writes just now: of two, the last to end wins.
    Raises `TransientError` where the disk is full or in the way.
    """
    with files.translate_errors(f"writing {out.name}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        with suppress(PermissionError):  # a folder that may be written, but not listed
            remove_unlocked(files.temp_paths(out))
        with lock_directory(lambda: files.temp_path(out)) as folder:
            made = AtomicOutput(file=folder / "whole" / out.name, work=folder / "work")
            made.file.parent.mkdir()
            made.work.mkdir()
            yield made
            files.sync_file(made.file)
            made.file.replace(out)
        files.sync_directory(out.parent)
