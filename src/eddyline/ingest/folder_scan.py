"""Scanner of a watched folder, for any file system.

A file counts as complete after it has not changed for some time and no process has it open for writing (which
only Linux reports, and only for local disks). Files with the names of partial copies and downloads are
skipped.
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

# Names that browsers, copiers and synchronisers give to incomplete files.
_PARTIAL = (".part", ".partial", ".crdownload", ".download", ".tmp", ".temp", ".filepart", ".!qb", ".aria2")


@dataclass(frozen=True, kw_only=True)
class FileState:
    """The state of a file: it has changed if its state differs."""

    size: int
    mtime_ns: int
    inode: int


@dataclass(kw_only=True)
class _KnownFile:
    state: FileState
    since: float
    reported: bool = False


@dataclass(kw_only=True)
class FolderScanner:
    """Finds the complete, new files below `root`; `excluded` directories are never entered.

    A file must not change for `settle_s`. `unreadable` are the directories that the last scan could not read,
    with the reasons. State is kept only in this process.
    """

    root: Path
    excluded: Sequence[Path] = ()
    settle_s: float = SETTLE_S
    is_written: Callable[[Path], bool] = field(default_factory=lambda: is_written)
    unreadable: dict[Path, str] = field(default_factory=dict)
    _known: dict[Path, _KnownFile] = field(default_factory=dict)

    def scan(self, now: float) -> list[Path]:
        """Scan once; returns settled files not yet reported in their state, by path. `now` in monotonic s."""
        self.unreadable = {}
        found = dict(self._files())
        self._known = {path: self._update(path, state, now) for path, state in found.items()}
        ready = [path for path, known in self._known.items() if self._is_ready(path, known, now)]
        for path in ready:
            self._known[path].reported = True
        return sorted(ready)

    def unchanged_since(self, path: Path) -> float | None:
        """When a file got its state, settled or not; None if the last scan did not find it."""
        known = self._known.get(path)
        return None if known is None else known.since

    @property
    def pending_count(self) -> int:
        """The number of files that are not reported yet."""
        return sum(not known.reported for known in self._known.values())

    def _update(self, path: Path, state: FileState, now: float) -> _KnownFile:
        known = self._known.get(path)
        return known if known is not None and known.state == state else _KnownFile(state=state, since=now)

    def _is_ready(self, path: Path, known: _KnownFile, now: float) -> bool:
        if known.reported or now - known.since < self.settle_s:
            return False
        if self.is_written(path):
            known.since = now
            return False
        return True

    def _files(self) -> Iterator[tuple[Path, FileState]]:
        directories = [self.root]
        while directories:
            for entry in self._entries(directories.pop()):
                with contextlib.suppress(OSError):  # removed meanwhile
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        directories.append(Path(entry.path))
                    elif stat.S_ISREG(status.st_mode) and status.st_size and not is_partial(entry.name):
                        yield (
                            Path(entry.path),
                            FileState(size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino),
                        )

    def _entries(self, directory: Path) -> list[os.DirEntry[str]]:
        """The visible entries of a directory; none of an excluded one or of another run's output."""
        if directory in self.excluded:
            return []
        try:
            with os.scandir(directory) as found:
                entries = list(found)
        except OSError as error:  # the next scan tries again
            if directory == self.root or not isinstance(error, FileNotFoundError):
                self.unreadable[directory] = error.strerror or str(error)
            return []
        if any(entry.name == STATE for entry in entries):
            if directory != self.root:
                return []
            entries = [entry for entry in entries if entry.name != OUTPUT]
        return [entry for entry in entries if not entry.name.startswith(".")]


def is_partial(name: str) -> bool:
    """Whether the name is that of an incomplete copy or download."""
    return name.lower().endswith(_PARTIAL) or name.startswith("~") or name.endswith("~")


def is_written(path: Path) -> bool:
    """Whether a process has the file open for writing, as far as the system reports it."""
    lease = getattr(fcntl, "F_SETLEASE", None)
    if lease is None:
        return False
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False  # gone or unreadable, which its processing reports
    try:
        # The kernel grants a read lease only while no process has the file open for writing. If a process
        # opens it now, a signal is sent: choose one that is ignored, because SIGIO would end this process.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, lease, fcntl.F_RDLCK)
        fcntl.fcntl(handle, lease, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False  # another user's file, or a file system without leases
    finally:
        os.close(handle)
    return False
