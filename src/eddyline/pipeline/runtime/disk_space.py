"""Waits for free disk space before a job starts, because other jobs of the machine release theirs."""

from __future__ import annotations

import shutil
from pathlib import Path

from eddyline.core.errors import TransientError
from eddyline.core.stop import Stop

_GIB = 1024**3
_POLL_S = 1.0


def existing_parent(path: Path) -> Path:
    """The path itself if it is a directory, else its nearest parent that is one."""
    absolute = path.absolute()
    return next(each for each in (absolute, *absolute.parents) if each.is_dir())


def free_gib(directory: Path) -> float:
    """GiB free on the disk of a directory, which need not exist yet."""
    return shutil.disk_usage(existing_parent(directory)).free / _GIB


def await_disk_space(directory: Path, needed_gib: float, stop: Stop, *, timeout_s: float) -> None:
    """Return once `needed_gib` is free. A full machine delays its jobs rather than failing one after another.

    Raises `TransientError` after `timeout_s`, `Interrupted` when `stop` is requested.
    """
    waited = 0.0
    while (free := free_gib(directory)) < needed_gib:
        if waited >= timeout_s:
            raise TransientError(
                f"a job needs {needed_gib:g} GiB free in {directory}, but only {free:.1f} GiB are free",
                remedy="free disk space there, or lower limits.scratch_gib in pools.yaml",
            )
        stop.wait(min(_POLL_S, timeout_s))
        stop.check()
        waited += _POLL_S
