"""A bounded cache of numeric arrays on disk: decoded telemetry, which is read again by mapping its files.

Each entry is a directory of named groups; a group is a directory with one file for each array and a JSON
file. A group appears complete or not at all. The least recently used entries are removed. A cache may be
deleted at any time; its files are readable by the user of the server only, because they contain positions.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from eddyline.core import files

Array = npt.NDArray[np.generic]
_TOUCH_S = 60.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """Arrays by name, mapped from disk, and JSON values about them."""

    facts: dict[str, Any]
    arrays: dict[str, Array] = field(repr=False)


class ArrayCache:
    """Entries below a directory, at most `max_bytes` in all. Safe from any thread."""

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        self._root = root
        self._max_bytes = max_bytes

    def get(self, entry: str, group: str) -> Group | None:
        """A group of an entry; None if it is not in the cache."""
        folder = self._root / entry / group
        try:
            facts = orjson.loads((folder / "facts.json").read_bytes())
            arrays = {
                name: np.load(folder / f"{number}.npy", mmap_mode="r" if nonempty else None)
                for number, (name, nonempty) in enumerate(facts["arrays"])
            }
        except (OSError, ValueError, LookupError, TypeError):  # absent, removed meanwhile, or damaged
            return None
        _touch(self._root / entry)
        return Group(facts=facts["facts"], arrays=arrays)

    def put(self, entry: str, group: str, facts: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Store a group; an existing one is kept. Removes other entries if there are too many bytes."""
        folder = self._root / entry / group
        with files.translate_errors("writing the telemetry cache"):
            folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            unfinished = files.temp_path(folder)
            try:
                unfinished.mkdir(mode=0o700)
                for number, values in enumerate(arrays.values()):
                    np.save(unfinished / f"{number}.npy", np.ascontiguousarray(values), allow_pickle=False)
                named = [(name, values.size > 0) for name, values in arrays.items()]
                (unfinished / "facts.json").write_bytes(orjson.dumps({"facts": facts, "arrays": named}))
                _rename(unfinished, folder)
            finally:
                files.remove_tree(unfinished)
        self._evict(keep=entry)

    def remove(self, prefix: str) -> None:
        """Remove all entries whose names start with `prefix`."""
        for entry in self._entries():
            if entry.name.startswith(prefix):
                self._remove(entry)

    def names(self) -> list[str]:
        """The names of all entries."""
        return [each.name for each in self._entries()]

    def _evict(self, keep: str) -> None:
        sizes = {entry: _size(entry) for entry in self._entries()}
        total = sum(sizes.values())
        for entry in sorted(sizes, key=_used):
            if total <= self._max_bytes:
                return
            if entry.name != keep:
                total -= sizes[entry]
                self._remove(entry)

    def _entries(self) -> list[Path]:
        try:
            return [each for each in self._root.iterdir() if not files.is_temp_path(each.name)]
        except FileNotFoundError:
            return []

    @staticmethod
    def _remove(entry: Path) -> None:
        """Rename first: a reader finds a group complete, or does not find it."""
        renamed = files.temp_path(entry)
        try:
            entry.rename(renamed)
        except OSError:  # another thread removed it
            return
        files.remove_tree(renamed)


def _rename(unfinished: Path, folder: Path) -> None:
    try:
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _size(entry: Path) -> int:
    total = 0
    for folder, _, names in os.walk(entry):
        for name in names:
            try:
                total += Path(folder, name).stat().st_size
            except OSError:  # removed meanwhile
                continue
    return total


def _used(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return 0.0


def _touch(entry: Path) -> None:
    """Note that the entry was used, at most once a minute."""
    try:
        if time.time() - entry.stat().st_mtime > _TOUCH_S:
            os.utime(entry)
    except OSError:  # removed meanwhile
        return
