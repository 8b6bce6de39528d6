"""What all programs of one job may use together: time, address space, and room for files."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

_LOOK_EVERY_S = 1.0
_GIB = 1024**3


@dataclass(kw_only=True)
class ResourceLimits:
    """Bounds of one job, beside those of each program; None: unbounded.

    `wall_s` in seconds since the bounds were made, `memory` in bytes of address space of each program,
    `room` in bytes of files in `folder`. `remedy` is told with what was stopped for them; `said` is what
    was exceeded last.
    """

    wall_s: float | None = None
    memory: int | None = None
    room: int | None = None
    folder: Path | None = None
    remedy: str = ""
    said: str = ""
    _began: float = field(default_factory=time.monotonic)
    _looked: float = 0.0

    def tighter(self, memory: int | None) -> int | None:
        """The address space of a program that is itself bound to `memory`."""
        given = [each for each in (memory, self.memory) if each is not None]
        return min(given) if given else None

    def exceeded(self) -> str:
        """What is exceeded, as the end of a sentence ("it ..."), or nothing. Cheap to ask often."""
        self.said = self._exceeded()
        return self.said

    def _exceeded(self) -> str:
        now = time.monotonic()
        if self.wall_s is not None and now - self._began > self.wall_s:
            return f"used up its job's time of {self.wall_s:g} s"
        if self.room is None or self.folder is None or now - self._looked < _LOOK_EVERY_S:
            return ""
        self._looked = now
        used = disk_usage(self.folder)
        if used > self.room:
            return f"filled its work folder: {used / _GIB:.3g} GiB, of {self.room / _GIB:.3g} allowed"
        return ""


def disk_usage(folder: Path) -> int:
    """Bytes that the files below a folder take on the disk; what vanishes meanwhile is passed over."""
    total, open_ = 0, [folder]
    while open_:
        try:
            with os.scandir(open_.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        open_.append(Path(entry.path))
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except FileNotFoundError:
            continue
    return total
