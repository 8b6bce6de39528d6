"""Folders that a process holds while it lives: whoever comes later removes those that nobody holds any more.

The system lets go of a process's lock however it ends, SIGKILL included. Where a file system knows no locks,
folders are held by nothing, and so nobody removes them but their owner.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from eddyline.core import files

_LOCK = ".lock"


@contextlib.contextmanager
def lock_directory(naming: Callable[[], Path]) -> Iterator[Path]:
    """A new folder for this process alone, named by `naming` (a new name at each call), removed at the end.

    Raises `OSError` where it cannot be made.
    """
    folder, handle = _taken(naming)
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):
            _remove(folder)
        os.close(handle)


def remove_unlocked(folders: Iterable[Path]) -> None:
    """Remove those of `folders` that `lock_directory` made and whose process is gone; all others stay."""
    for folder in folders:
        with contextlib.suppress(OSError):  # held, gone meanwhile, or not ours to remove
            _sweep(folder)


def _taken(naming: Callable[[], Path]) -> tuple[Path, int]:
    while True:
        folder = naming()
        folder.mkdir(mode=0o700)
        handle = _locked(folder)
        if handle is not None:
            return folder, handle


def _locked(folder: Path) -> int | None:
    """The lock of a folder just made; None if somebody swept it before it had one."""
    try:
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours = os.path.samestat(os.fstat(handle), (folder / _LOCK).stat())
    except (BlockingIOError, FileNotFoundError):
        ours = False
    except OSError:  # a file system without locks
        ours = True
    if ours:
        return handle
    os.close(handle)
    return None


def _sweep(folder: Path) -> None:
    if folder.is_symlink():
        return
    try:
        handle = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        folder.rmdir()  # killed before the lock was made, or after it was removed; none of ours if not empty
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(folder)
    finally:
        os.close(handle)


def _remove(folder: Path) -> None:
    """The lock goes last: by it, what is left of a folder is known for ours if we are killed meanwhile."""
    for each in list(folder.iterdir()):
        if each.is_dir() and not each.is_symlink():
            files.remove_tree(each)
        elif each.name != _LOCK:
            each.unlink(missing_ok=True)
    (folder / _LOCK).unlink(missing_ok=True)
    folder.rmdir()
