"""Directories locked by their process: other processes remove those whose owner has ended.

The operating system releases a lock when its process ends, also by SIGKILL. On a file system without locks,
only the owner removes a directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from eddyline.core import files

_LOCK_FILE = ".lock"


@contextlib.contextmanager
def lock_directory(new_path: Callable[[], Path]) -> Iterator[Path]:
    """Create and lock a directory; remove it at exit. `new_path` returns a new path at each call.

    Raises `OSError` if it cannot be created.
    """
    folder, handle = _create(new_path)
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):
            _remove(folder)
        os.close(handle)


def remove_unlocked(folders: Iterable[Path]) -> None:
    """Remove those of `folders` that `lock_directory` created and whose process has ended.

    A child of that process holds the lock until it executes its program; the next call after that removes the
    directory.
    """
    for folder in folders:
        with contextlib.suppress(OSError):  # locked, removed meanwhile, or without permission
            _remove_unlocked(folder)


def _create(new_path: Callable[[], Path]) -> tuple[Path, int]:
    while True:
        folder = new_path()
        folder.mkdir(mode=0o700)
        handle = _lock(folder)
        if handle is not None:
            return folder, handle


def _lock(folder: Path) -> int | None:
    """Lock a new directory; returns None if another process removed it before it was locked."""
    try:
        handle = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_ours = os.path.samestat(os.fstat(handle), (folder / _LOCK_FILE).stat())
    except (BlockingIOError, FileNotFoundError):
        is_ours = False
    except OSError:  # a file system without locks
        is_ours = True
    if is_ours:
        return handle
    os.close(handle)
    return None


def _remove_unlocked(folder: Path) -> None:
    if folder.is_symlink():
        return
    try:
        handle = os.open(folder / _LOCK_FILE, os.O_RDWR)
    except FileNotFoundError:
        folder.rmdir()  # killed before the lock file existed, or after its removal; fails if not empty
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(folder)
    finally:
        os.close(handle)


def _remove(folder: Path) -> None:
    """Remove the lock file last: if this process is killed, it marks the rest as removable."""
    for each in list(folder.iterdir()):
        if each.is_dir() and not each.is_symlink():
            files.remove_tree(each)
        elif each.name != _LOCK_FILE:
            each.unlink(missing_ok=True)
    (folder / _LOCK_FILE).unlink(missing_ok=True)
    folder.rmdir()
