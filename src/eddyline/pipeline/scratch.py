"""Scratch space that several workers of one machine share: each has a folder, and sweeps after the killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from eddyline.core import files

_LOCK = ".lock"
_MAKING_S = 60.0


@contextlib.contextmanager
def occupied(root: Path) -> Iterator[Path]:
    """A folder below `root` for this process alone, removed at the end.

    Folders whose process is gone, however it ended, are removed first: the system lets go of a dead process's
    lock. Raises `TransientError` where nothing can be written.
    """
    with files.told_apart(f"preparing {root}"):
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        folder = root / f"{os.getpid()}-{secrets.token_hex(4)}"
        handle = _locked(folder)
    try:
        yield folder
    finally:
        files.remove_tree(folder)
        os.close(handle)


def _locked(folder: Path) -> int:
    """Make the folder and hold its lock. Never seen without one: it is made aside and then renamed."""
    aside = folder.with_name(f".{folder.name}")
    aside.mkdir()
    handle = os.open(aside / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(handle, fcntl.LOCK_EX)
    aside.rename(folder)
    return handle


def _sweep(root: Path) -> None:
    for folder in list(root.iterdir()):
        if not folder.is_dir():
            continue
        if folder.name.startswith(".") and time.time() - folder.stat().st_mtime < _MAKING_S:
            continue  # its owner is about to lock it
        try:
            handle = os.open(folder / _LOCK, os.O_RDWR)
        except OSError:  # none of ours, or being removed by its owner
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            files.remove_tree(folder)
        except BlockingIOError:
            pass  # somebody works there
        finally:
            os.close(handle)
