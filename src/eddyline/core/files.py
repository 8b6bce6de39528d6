"""Atomic operations on local files: write under a temporary name, sync, then rename."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from eddyline.core.errors import EddylineError, MissingError, TransientError

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_TEMP_NAME = re.compile(r"\..+\.[0-9a-f]{8}")


def temp_path(path: Path) -> Path:
    """A unique temporary name beside `path`, for a file that is incomplete or about to be removed."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")


def is_temp_path(name: str) -> bool:
    """Whether `temp_path` generates names like `name`."""
    return _TEMP_NAME.fullmatch(name) is not None


def temp_paths(path: Path) -> list[Path]:
    """The existing temporary files of `path`."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}")
    return [each for each in path.parent.iterdir() if pattern.fullmatch(each.name)]


def remove_temp_paths(top: Path, *, older_s: float = 0.0) -> None:
    """Remove the temporary files below `top` that are older than `older_s` seconds.

    A process that is still writing one of them fails.
    """
    for folder, below, names in os.walk(top):
        for name in filter(is_temp_path, [*below, *names]):
            remove_temp_path(Path(folder, name), older_s=older_s)
        below[:] = [name for name in below if not is_temp_path(name)]


def remove_temp_path(path: Path, *, older_s: float = 0.0, now: Callable[[], float] = time.time) -> None:
    """Remove a file or directory that got its name more than `older_s` seconds ago, if it exists."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    # For a link or a renamed file, only the inode change time says when it got this name.
    if older_s and now() - found.st_ctime <= older_s:
        return
    if stat.S_ISDIR(found.st_mode):
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Translate errors of the operating system: a full disk, a missing file, any other.

    Raises `TransientError` or `MissingError`; an `EddylineError` propagates unchanged.
    """
    try:
        yield
    except EddylineError:
        raise
    except FileNotFoundError as error:
        raise MissingError(f"{what}: {error.filename or 'a file'} does not exist") from error
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise TransientError(
                f"{what}: the disk is full", remedy="free some space, then run the same command again"
            ) from error
        raise TransientError(
            f"{what}: {error.strerror or error}",
            remedy="check that the disk is mounted and accessible, then run the same command again",
        ) from error


def make_directory(folder: Path) -> set[Path]:
    """Create `folder` and missing parents; returns the directories with new entries, to be synced."""
    missing = list(itertools.takewhile(lambda each: not each.is_dir(), (folder, *folder.parents)))
    folder.mkdir(parents=True, exist_ok=True)
    return {each.parent for each in missing}


def sync_directory(folder: Path) -> None:
    """Make the directory entries of `folder` durable (fsync)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the contents of `path` durable (fsync)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes) -> None:
    """Write `path` atomically and durably: a reader sees the old or the new bytes, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = temp_path(path)
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def link_or_copy(source: Path, target: Path) -> None:
    """Create or replace `target` with the contents of `source`, by a hard link where possible.

    The directory of `target` exists; the caller syncs it. A copy is synced, a link needs a synced `source`.
    """
    with contextlib.suppress(OSError):  # it exists, or the file system has no such links
        os.link(source, target)
        return
    unfinished = temp_path(target)
    try:
        try:
            os.link(source, unfinished)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(source, unfinished)
            sync_file(unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Remove the directory `folder` recursively, if it exists."""
    shutil.rmtree(folder, ignore_errors=True)
