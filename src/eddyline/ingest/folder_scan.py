"""A folder in which footage appears: looked through again and again, on any file system.

A file counts as whole when it has looked the same for a while and nobody has it open for writing (which only
Linux tells, and only of its own disks). What is being copied under a name for that is left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eddyline.pipeline.planning.output_layout import OUTPUT, STATE

SETTLE_S = 5.0

# What browsers, copiers and synchronisers call a file that is not whole yet.
_PARTIAL = (".part", ".partial", ".crdownload", ".download", ".tmp", ".temp", ".filepart", ".!qb", ".aria2")


@dataclass(frozen=True, kw_only=True)
class FileState:
    """A file as it looks: the same look, the same file."""

    size: int
    mtime_ns: int
    inode: int


@dataclass(kw_only=True)
class _Known:
    look: FileState
    since: float
    told: bool = False


@dataclass(kw_only=True)
class FolderScanner:
    """The files below `root` that are whole and new; `excluded` folders are never entered.

    `settle_s`: so long must a file look the same. `closed` are the folders that could not be looked into just
    now, with the reason. Nothing is remembered beyond this process.
    """

    root: Path
    excluded: Sequence[Path] = ()
    settle_s: float = SETTLE_S
    is_written: Callable[[Path], bool] = field(default_factory=lambda: is_written)
    closed: dict[Path, str] = field(default_factory=dict)
    _known: dict[Path, _Known] = field(default_factory=dict)

    def ready(self, now: float) -> list[Path]:
        """Files that have settled and were not told of as they look now; by path. `now` in monotonic s."""
        self.closed = {}
        found = dict(self._files())
        self._known = {path: self._seen(path, look, now) for path, look in found.items()}
        ready = [path for path, known in self._known.items() if self._is_ready(path, known, now)]
        for path in ready:
            self._known[path].told = True
        return sorted(ready)

    def since(self, path: Path) -> float | None:
        """Since when a file looks as it does, settled or not; None: there was none when last looked for."""
        known = self._known.get(path)
        return None if known is None else known.since

    @property
    def pending_count(self) -> int:
        """How many files have not been told of yet."""
        return sum(not known.told for known in self._known.values())

    def _seen(self, path: Path, look: FileState, now: float) -> _Known:
        known = self._known.get(path)
        return known if known is not None and known.look == look else _Known(look=look, since=now)

    def _is_ready(self, path: Path, known: _Known, now: float) -> bool:
        if known.told or now - known.since < self.settle_s:
            return False
        if self.is_written(path):
            known.since = now
            return False
        return True

    def _files(self) -> Iterator[tuple[Path, FileState]]:
        open_folders = [self.root]
        while open_folders:
            for entry in self._entries(open_folders.pop()):
                with contextlib.suppress(OSError):  # gone again
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        open_folders.append(Path(entry.path))
                    elif stat.S_ISREG(status.st_mode) and status.st_size and not is_partial(entry.name):
                        look = FileState(
                            size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino
                        )
                        yield Path(entry.path), look

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        """What is in a folder and not hidden; nothing of one that is excluded or another run's output."""
        if folder in self.excluded:
            return []
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError as error:  # maybe next time
            if folder == self.root or not isinstance(error, FileNotFoundError):
                self.closed[folder] = error.strerror or str(error)
            return []
        if any(entry.name == STATE for entry in entries):
            if folder != self.root:
                return []
            entries = [entry for entry in entries if entry.name != OUTPUT]
        return [entry for entry in entries if not entry.name.startswith(".")]


def is_partial(name: str) -> bool:
    """Whether a file of this name is still on its way."""
    return name.lower().endswith(_PARTIAL) or name.startswith("~") or name.endswith("~")


def is_written(path: Path) -> bool:
    """Whether somebody has the file open for writing, as far as the system tells."""
    lease = getattr(fcntl, "F_SETLEASE", None)
    if lease is None:
        return False
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False  # gone, or not to be read: whoever processes it will say so
    try:
        # The kernel grants a read lease only while nobody writes. Whoever begins to in this very moment is
        # announced by a signal: by one that is ignored, not by SIGIO, which would end the process.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, lease, fcntl.F_RDLCK)
        fcntl.fcntl(handle, lease, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False  # another's file, or a file system without leases
    finally:
        os.close(handle)
    return False
