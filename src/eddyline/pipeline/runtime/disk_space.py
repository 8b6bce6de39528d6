"""Room on the disk for one job's files: waited for before it starts, for other jobs give theirs back."""

from __future__ import annotations

import shutil
from pathlib import Path

from eddyline.core.errors import TransientError
from eddyline.core.stop import Stop

_GIB = 1024**3
_POLL_S = 1.0


def free_gib(folder: Path) -> float:
    """What is free on the disk of a folder, which need not be there yet."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir())
    return shutil.disk_usage(there).free / _GIB


def await_disk_space(folder: Path, needed_gib: float, stop: Stop, *, patience_s: float) -> None:
    """Return once so much is free. A full machine keeps its slots waiting, not failing one job after another.

    Raises `TransientError` if it lasts, `Interrupted` when told to stop.
    """
    waited = 0.0
    while (free := free_gib(folder)) < needed_gib:
        if waited >= patience_s:
            raise TransientError(
                f"a job needs {needed_gib:g} GiB free for {folder}; {free:.1f} are",
                remedy="free some disk space there, or lower limits.scratch_gib in pools.yaml",
            )
        stop.wait(min(_POLL_S, patience_s))
        stop.check()
        waited += _POLL_S
