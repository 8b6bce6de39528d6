"""Uploads a local source to where all workers of a fleet can read it."""

from __future__ import annotations

import re
from pathlib import Path

from eddyline.core.identity import digest, file_sha256
from eddyline.pipeline.planning.output_layout import SOURCES
from eddyline.pipeline.submission.submit import fingerprint_source
from eddyline.store.local import LocalStore
from eddyline.store.ranges import FileRanges
from eddyline.store.store import Store

_INVALID_IN_KEYS = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]")
_MAX_NAME_BYTES = 200  # a store's key has room for little more


def upload_source(path: Path, store: Store, owner: str = "") -> str:
    """The address by which every machine can read a local file.

    If the store is a bucket, the file is uploaded to a key derived from its content, and not again if it is
    there. The key of an owner's file derives from the owner and from all its bytes: a file with the same
    sampled bytes neither replaces nor reveals another one. A store that is a directory is shared by all
    machines, so the file may stay where it is. Raises `MissingError`, `TransientError`.
    """
    if isinstance(store, LocalStore):
        return str(path.absolute())
    with FileRanges(path) as src:
        size = src.size
        content = digest("source", owner, file_sha256(path)) if owner else fingerprint_source(src)
        key = f"{SOURCES}/{content[:32]}/{_key_name(path)}"
    if store.size(key) != size:
        store.put(key, path)
    return store.where(key)


def _key_name(path: Path) -> str:
    """The file's name in characters that every store allows; a long name keeps its end and its suffix."""
    name = _INVALID_IN_KEYS.sub("_", path.name)
    return name.encode()[-_MAX_NAME_BYTES:].decode("utf-8", "ignore") or "footage"
