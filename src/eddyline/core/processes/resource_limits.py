"""Resource limits of a job: time, address space and disk space."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_CHECK_EVERY_S = 1.0
_GIB = 1024**3


@dataclass(kw_only=True)
class ResourceLimits:
    """Limits of one job, in addition to those of each program; None: unlimited.

    `wall_s` in seconds since this object was created, `memory` in bytes of address space of each program,
    `disk` in bytes of files in `folder`. `remedy` is part of the error of a program stopped for a limit;
    `violation` is the limit exceeded last.
    """

    wall_s: float | None = None
    memory: int | None = None
    disk: int | None = None
    folder: Path | None = None
    remedy: str = ""
    violation: str = ""
    clock: Callable[[], float] = time.monotonic
    _started: float = field(init=False)
    _checked_at: float = 0.0

    def __post_init__(self) -> None:
        self._started = self.clock()

    def address_space(self, memory: int | None) -> int | None:
        """The address-space limit in bytes of a program with its own limit `memory`: the lower of both."""
        return min((each for each in (memory, self.memory) if each is not None), default=None)

    def exceeded(self) -> str:
        """The limit exceeded, as the end of a sentence ("it ..."), or "". Cheap enough for frequent calls."""
        self.violation = self._exceeded()
        return self.violation

    def _exceeded(self) -> str:
        now = self.clock()
        if self.wall_s is not None and now - self._started > self.wall_s:
            return f"exceeded the time limit of its job, {self.wall_s:g} s"
        if self.disk is None or self.folder is None or now - self._checked_at < _CHECK_EVERY_S:
            return ""
        self._checked_at = now
        used = disk_usage(self.folder)
        if used > self.disk:
            return f"exceeded the disk limit of its job: {used / _GIB:.3g} GiB of {self.disk / _GIB:.3g} GiB"
        return ""


def disk_usage(folder: Path) -> int:
    """Bytes that the files below a directory occupy on disk; ignores files removed meanwhile."""
    total, pending = 0, [folder]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(Path(entry.path))
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except FileNotFoundError:
            continue
    return total


def raise_file_limit() -> None:
    """Allow this process as many open files as it may have: each connection of a server is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS reports no limit, and refuses to set none
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
