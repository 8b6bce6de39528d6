"""The media store: where sources, parts and finished assets lie, by key.

A key is a relative path with forward slashes ("assets/ab12/manifest.json"). Everything put under a key
appears there whole or not at all. `FolderStore` is the embedded one; others keep the same promises (the
conformance suite is tests/unit/store/test_local.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from eddyline.core.errors import UsageError
from eddyline.store.ranges import Ranges

# Backslashes and control characters are taken for something else by one tool or another; lone surrogates
# (names that are no UTF-8) have no bytes.
_NO_LETTERS = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]")
_KEY_BYTES = 900  # S3 and GCS take 1024, the store's own prefix included
_NAME_BYTES = 240  # file systems take 255, the mark of a file being written included


class Store(Protocol):
    """What the pipeline needs of a place for media."""

    def check(self) -> None:
        """See that it can be used. Raises `UsageError` if it is named wrongly, `TransientError` if away."""
        ...

    def where(self, key: str) -> str:
        """The address that people are told: a path, or s3://bucket/prefix/key."""
        ...

    def put(self, key: str, path: Path) -> None:
        """Give the finished local file `path` the name `key`; it is taken over and may be gone after."""
        ...

    def put_bytes(self, key: str, data: bytes) -> None:
        """Write a small object whole."""
        ...

    def compare_and_set(self, key: str, data: bytes, expected: str | None) -> bool:
        """Write `data` if the object's tag is still `expected` (None: if there is no object); else False."""
        ...

    def get(self, key: str) -> bytes:
        """A small object whole. Raises `MissingError`."""
        ...

    def tag(self, key: str) -> str | None:
        """A value that changes when the object does; None if there is none."""
        ...

    def size(self, key: str) -> int | None:
        """Bytes, or None if there is no such object."""
        ...

    def fetch(self, key: str, scratch: Path) -> Path:
        """A local file with the object's bytes, to be read only; made in `scratch` if it must be made."""
        ...

    def ranges(self, key: str) -> Ranges:
        """The object, to be read by ranges. Raises `MissingError`; close it after use."""
        ...

    def copy(self, key: str, to: str) -> None:
        """Give the object a second name, replacing what is there, without moving its bytes where possible."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """The keys below the folder `prefix`, sorted."""
        ...

    def delete(self, prefix: str) -> None:
        """Remove the object `prefix` and everything below it; what is gone already is fine."""
        ...


def checked_key(key: str) -> str:
    """`key` itself, if every store can hold it and it stays below the store's root. Raises `UsageError`."""
    path = PurePosixPath(key)
    spoken = str(path)
    if not path.parts or path.is_absolute() or ".." in path.parts or _NO_LETTERS.search(key):
        raise UsageError(
            f"{key!r} is not a key of the media store",
            remedy="give it a name without .. in its path, backslashes and control characters",
        )
    if len(spoken.encode()) > _KEY_BYTES or max(len(part.encode()) for part in path.parts) > _NAME_BYTES:
        raise UsageError(
            f"a key of {len(key)} letters is too long for the media store: {key[:60]!r}...",
            remedy="shorten it, or the prefix in the address",
        )
    return spoken
