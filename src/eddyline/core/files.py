"""Local files that are either whole or not there: written aside, synced, then given their name."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from eddyline.core.errors import EddylineError, MissingError, TransientError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_ASIDE = re.compile(r"\..+\.[0-9a-f]{8}")


def temp_path(path: Path) -> Path:
    """A name beside `path` for what is not whole yet, or about to be removed; no other process has it."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")


def is_temp_path(name: str) -> bool:
    """Whether `name` is one that `temp_path` gives."""
    return _ASIDE.fullmatch(name) is not None


def temp_paths(path: Path) -> list[Path]:
    """What lies beside `path` under names that `temp_path` gave for it."""
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}")
    return [each for each in path.parent.iterdir() if ours.fullmatch(each.name)]


def remove_temp_paths(top: Path, *, older_s: float = 0.0) -> None:
    """Remove what killed processes left aside below `top`, if it is older; other files stay.

    Nobody may be writing there, or must be ready to fail.
    """
    for folder, below, names in os.walk(top):
        for name in filter(is_temp_path, [*below, *names]):
            remove_temp_path(Path(folder, name), older_s=older_s)
        below[:] = [name for name in below if not is_temp_path(name)]


def remove_temp_path(path: Path, *, older_s: float = 0.0) -> None:
    """Remove a file or folder that got its name more than `older_s` seconds ago; gone already is fine."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    # Of a link, or of what was renamed, only the inode's own time says when it came here.
    if older_s and time.time() - found.st_ctime <= older_s:
        return
    if stat.S_ISDIR(found.st_mode):
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Turn the operating system's errors into ours: a full disk, a vanished file, anything else.

    Raises `TransientError` or `MissingError`; errors of our own pass through untouched.
    """
    try:
        yield
    except EddylineError:
        raise
    except FileNotFoundError as error:
        raise MissingError(f"{what}: {error.filename or 'a file'} is gone") from error
    except OSError as error:
        if error.errno in _FULL:
            raise TransientError(
                f"{what}: the disk is full", remedy="free some space, then run the same command again"
            ) from error
        raise TransientError(
            f"{what}: {error.strerror or error}",
            remedy="see that the disk is there and may be used; then run the same command again",
        ) from error


def sync_directory(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the bytes of `path` survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes) -> None:
    """Write `path` so that a reader, or a power cut, sees the old bytes or the new ones, never half."""
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
    """Give `source` the further name `target` (replacing what is there), by a hard link where possible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = temp_path(target)
    try:
        try:
            os.link(source, unfinished)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without links
            shutil.copyfile(source, unfinished)
            sync_file(unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Remove `folder` and all below it; what is gone already is fine."""
    shutil.rmtree(folder, ignore_errors=True)
