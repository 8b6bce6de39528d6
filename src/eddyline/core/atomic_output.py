"""Writes an output file that the user named, so that it appears complete and synced, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from eddyline.core import files
from eddyline.core.locked_directory import lock_directory, remove_unlocked


@dataclass(frozen=True, kw_only=True)
class AtomicOutput:
    """Temporary paths: the `file` that becomes the output, and a directory `work` for intermediate files."""

    file: Path
    work: Path


@contextmanager
def atomic_output(out: Path) -> Iterator[AtomicOutput]:
    """Yields temporary paths beside `out`; on success syncs the file and renames it to `out` atomically.

    On an error the temporary files are removed and `out` is unchanged. Files left by a killed process are
    removed as well, but not those of a running process: if two processes write, the last to finish wins.
    Raises `TransientError` if the disk is full or fails.
    """
    with files.translate_errors(f"writing {out.name}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        with suppress(PermissionError):  # the directory may be writable but not readable
            remove_unlocked(files.temp_paths(out))
        with lock_directory(lambda: files.temp_path(out)) as folder:
            made = AtomicOutput(file=folder / "whole" / out.name, work=folder / "work")
            made.file.parent.mkdir()
            made.work.mkdir()
            yield made
            files.sync_file(made.file)
            made.file.replace(out)
        files.sync_directory(out.parent)
