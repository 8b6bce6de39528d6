"""Parts: what a step has made, with a receipt that is written last.

A part is a folder of the store. Its receipt names its files and carries the step's result, so that a step
which was killed between making and answering is never done again, and so that later steps need no ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eddyline.core.errors import MissingError, UsageError
from eddyline.core.identity import canonical
from eddyline.core.name_rules import is_plain_path
from eddyline.store.store import Store

_RECEIPT = "receipt.json"
_MOST_CPU_S = 1e9


@dataclass(frozen=True, kw_only=True)
class Part:
    """A finished part: `key` its folder, `files` name -> bytes, `result` JSON, `cpu_s` what it cost."""

    key: str
    files: Mapping[str, int]
    result: Mapping[str, Any]
    cpu_s: float

    def file(self, name: str) -> str:
        """The store's key of one of its files."""
        if name not in self.files:
            raise MissingError(f"{self.key} has no {name}")
        return f"{self.key}/{name}"


class PartStore:
    """All parts of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, key: str) -> Part | None:
        """The part, if it is finished and all its files are still there."""
        try:
            part = _receipt(key, self._store.get(f"{key}/{_RECEIPT}"))
        except MissingError:
            return None
        if part is None:  # not one that was written here: the part is made again
            return None
        whole = all(self._store.size(f"{key}/{name}") == size for name, size in part.files.items())
        return part if whole else None

    def get(self, key: str) -> Part:
        """The part. Raises `MissingError` if it is not finished, or no longer whole."""
        part = self.find(key)
        if part is None:
            raise MissingError(
                f"the part {key} is not whole", remedy="run the same command again: it is made anew"
            )
        return part

    def keep(self, key: str, made: Mapping[str, Path], result: Mapping[str, Any], cpu_s: float) -> Part:
        """Put the files `made` (name -> local file), then the receipt."""
        files = {}
        for name, path in sorted(made.items()):
            if not is_plain_path(name):
                raise UsageError(
                    f"{name!r} is not the name of a part's file", remedy="report it: this is a bug"
                )
            files[name] = path.stat().st_size
            self._store.put(f"{key}/{name}", path)
        receipt = {"files": files, "result": dict(result), "cpu_s": round(cpu_s, 3)}
        self._store.put_bytes(f"{key}/{_RECEIPT}", canonical(receipt))
        return Part(key=key, files=files, result=dict(result), cpu_s=cpu_s)


def _receipt(key: str, data: bytes) -> Part | None:
    """The part that a receipt describes; None if it is not one that `keep` writes."""
    try:
        receipt = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(receipt, dict):
        return None
    found, result, cpu_s = receipt.get("files"), receipt.get("result"), receipt.get("cpu_s")
    if not isinstance(found, dict) or not isinstance(result, dict):
        return None
    # Names become keys, and names of local files.
    named = all(is_plain_path(name) and _is_count(size) for name, size in found.items())
    if not named or not isinstance(cpu_s, int | float) or not 0 <= cpu_s < _MOST_CPU_S:
        return None
    return Part(key=key, files=found, result=result, cpu_s=cpu_s)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
