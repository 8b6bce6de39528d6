"""Makes many files or directories durable at once."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_THREADS = 16


def sync_all(paths: Collection[Path]) -> None:
    """Sync files or directories (fsync), in no certain order.

    Concurrently, so that the file system commits many of them in one journal transaction: a sync that has
    nothing to write still waits for the disk.
    """
    ordered = list(paths)
    if len(ordered) <= 1:
        _sync(ordered)
        return
    with ThreadPoolExecutor(min(len(ordered), _THREADS)) as pool:
        list(pool.map(_sync, (ordered[first::_THREADS] for first in range(_THREADS))))


def _sync(paths: Iterable[Path]) -> None:
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
