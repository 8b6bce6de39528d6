"""Parts: the output of a step, stored with a receipt that is written last.

A part is a prefix of the store. Its receipt names its files and holds the step's result, so that a step whose
worker was killed after storing its output is not repeated, and so that later steps need no ledger.
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
from eddyline.pipeline.planning.job_spec import is_count
from eddyline.store.store import Store

_RECEIPT = "receipt.json"
_MAX_CPU_S = 1e9


@dataclass(frozen=True, kw_only=True)
class Part:
    """A finished part: `key` its prefix, `files` name -> bytes, `result` JSON, `cpu_s` CPU seconds spent."""

    key: str
    files: Mapping[str, int]
    result: Mapping[str, Any]
    cpu_s: float

    def file(self, name: str) -> str:
        """The store's key of one of its files. Raises `MissingError`."""
        if name not in self.files:
            raise MissingError(f"{self.key} has no {name}")
        return f"{self.key}/{name}"


class PartStore:
    """The parts of a media store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, key: str) -> Part | None:
        """The part, if it is finished and all its files are still stored in full."""
        try:
            part = _parse_receipt(key, self._store.get(f"{key}/{_RECEIPT}"))
        except MissingError:
            return None
        if part is None:  # not a receipt that `save` wrote: the part is made again
            return None
        complete = all(self._store.size(f"{key}/{name}") == size for name, size in part.files.items())
        return part if complete else None

    def get(self, key: str) -> Part:
        """The part. Raises `MissingError` if it is not finished or has lost files."""
        part = self.find(key)
        if part is None:
            raise MissingError(
                f"the part {key} is missing or incomplete",
                remedy="run the same command again: the part is made again",
            )
        return part

    def save(self, key: str, files: Mapping[str, Path], result: Mapping[str, Any], cpu_s: float) -> Part:
        """Store the local `files` by their names, then the receipt."""
        sizes = {}
        for name, path in sorted(files.items()):
            if not is_plain_path(name):
                raise UsageError(
                    f"{name!r} is not a valid name for a file of a part", remedy="report it: this is a bug"
                )
            sizes[name] = path.stat().st_size
        self._store.put_all({f"{key}/{name}": path for name, path in files.items()})
        receipt = {"files": sizes, "result": dict(result), "cpu_s": round(cpu_s, 3)}
        self._store.put_bytes(f"{key}/{_RECEIPT}", canonical(receipt))
        return Part(key=key, files=sizes, result=dict(result), cpu_s=cpu_s)


def _parse_receipt(key: str, data: bytes) -> Part | None:
    """The part that a receipt describes; None for a receipt that `save` does not write."""
    try:
        receipt = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(receipt, dict):
        return None
    files, result, cpu_s = receipt.get("files"), receipt.get("result"), receipt.get("cpu_s")
    if not isinstance(files, dict) or not isinstance(result, dict):
        return None
    # Names become keys, and names of local files.
    valid_files = all(is_plain_path(name) and is_count(size) for name, size in files.items())
    if not valid_files or not isinstance(cpu_s, int | float) or not 0 <= cpu_s < _MAX_CPU_S:
        return None
    return Part(key=key, files=files, result=result, cpu_s=cpu_s)
