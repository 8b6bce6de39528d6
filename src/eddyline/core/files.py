"""Local files that are either whole or not there: written aside, synced, then given their name."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from eddyline.core.errors import EddylineError, MissingError, TransientError

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextlib.contextmanager
def told_apart(what: str) -> Iterator[None]:
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
        raise TransientError(f"{what}: {error.strerror or error}") from error


def sync_folder(folder: Path) -> None:
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
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def link_or_copy(source: Path, target: Path) -> None:
    """Give `source` the further name `target` (replacing what is there), by a hard link where possible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        try:
            os.link(source, aside)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without links
            shutil.copyfile(source, aside)
            sync_file(aside)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Remove `folder` and all below it; what is gone already is fine."""
    shutil.rmtree(folder, ignore_errors=True)
