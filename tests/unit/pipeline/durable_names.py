"""What a power cut leaves of a directory: the files and names that were synced."""

from __future__ import annotations

import os
import stat
import threading
from collections import Counter
from pathlib import Path

import pytest


class DurableNames:
    """Records each fsync, and whether what exists below `top` at a rename to `watched` is durable."""

    def __init__(self, top: Path, watched: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.top = top
        self.files: Counter[int] = Counter()  # inode -> fsync calls
        self.directories: Counter[int] = Counter()
        self.lost: list[
            str
        ] = []  # names that a power cut at the watched rename would have removed or damaged
        self.renames = 0
        self._watched = watched
        self._entries: dict[int, set[tuple[str, int]]] = {}  # inode of a directory -> its durable entries
        self._lock = threading.Lock()
        self._fsync, self._replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", self._record_sync)
        monkeypatch.setattr(os, "replace", self._record_rename)

    def _record_sync(self, handle: int) -> None:
        found = os.fstat(handle)
        with self._lock:
            if stat.S_ISDIR(found.st_mode):
                self.directories[found.st_ino] += 1
                with os.scandir(handle) as entries:
                    self._entries[found.st_ino] = {(each.name, each.inode()) for each in entries}
            else:
                self.files[found.st_ino] += 1
        self._fsync(handle)

    def _record_rename(self, source: os.PathLike[str], target: os.PathLike[str]) -> None:
        if Path(target).name == self._watched:
            self.renames += 1
            self.lost = [
                str(path)
                for path in self.top.rglob("*")
                if path != Path(source) and not self._is_durable(path)
            ]
        self._replace(source, target)

    def _is_durable(self, path: Path) -> bool:
        """Whether its contents are synced, and its name in its directory, and so on up to the top."""
        if path.is_file() and not self.files[path.stat().st_ino]:
            return False
        return (path.name, path.stat().st_ino) in self._entries.get(path.parent.stat().st_ino, set())
