"""The media store: sources, parts and finished assets, by key.

A key is a relative path with forward slashes ("assets/ab12/manifest.json"). An object appears complete or not
at all. `LocalStore` is the one in a directory; all implementations pass the same conformance suite
(tests/unit/store/test_local.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol

from eddyline.core.errors import UsageError
from eddyline.store.ranges import Ranges

# Tools interpret backslashes and control characters differently; lone surrogates (names that are not UTF-8)
# cannot be encoded.
_INVALID = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]")
# Usual names, which cannot be "." or "..": keys of these need no further check.
_NAME = r"\.?[A-Za-z0-9][\w.-]{0,230}"
_PLAIN = re.compile(rf"(?=.{{1,900}}\Z){_NAME}(?:/{_NAME})*", re.ASCII)
_KEY_BYTES = 900  # S3 and GCS allow 1024, including the prefix of the store
_NAME_BYTES = 240  # file systems allow 255, including the suffix of a temporary file


class Store(Protocol):
    """The interface of a media store."""

    def check(self) -> None:
        """Check access. Raises `UsageError` for invalid settings, `TransientError` if unavailable."""
        ...

    def where(self, key: str) -> str:
        """The address of an object for users: a path, or s3://bucket/prefix/key."""
        ...

    def put(self, key: str, path: Path) -> None:
        """Store the finished local file `path` as `key`; may move the file."""
        ...

    def put_all(self, paths: Mapping[str, Path]) -> None:
        """Store finished local files by their keys, as `put` does; all are durable when it returns."""
        ...

    def put_bytes(self, key: str, data: bytes) -> None:
        """Write a small object."""
        ...

    def compare_and_set(self, key: str, data: bytes, expected: str | None) -> bool:
        """Write `data` if the tag of the object is `expected` (None: it is missing); else return False."""
        ...

    def get(self, key: str) -> bytes:
        """The contents of a small object. Raises `MissingError`."""
        ...

    def tag(self, key: str) -> str | None:
        """A value that changes with the object; None if the object does not exist."""
        ...

    def size(self, key: str) -> int | None:
        """The size in bytes; None if the object does not exist."""
        ...

    def fetch(self, key: str, scratch: Path) -> Path:
        """A read-only local file with the contents of the object, downloaded to `scratch` if necessary."""
        ...

    def ranges(self, key: str) -> Ranges:
        """Open the object for reading by ranges. Raises `MissingError`; close it after use."""
        ...

    def copy(self, key: str, to: str) -> None:
        """Copy the object, replacing `to`, within the store where possible."""
        ...

    def copy_all(self, keys: Iterable[tuple[str, str]]) -> None:
        """Copy objects, each from its key to another, as `copy` does; all are durable when it returns.

        Each pair is copied before the next is read, so that an iterator can stop the work.
        """
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """The keys below `prefix`/, sorted, read as they are needed: never all in memory."""
        ...

    def delete(self, prefix: str) -> None:
        """Delete the object `prefix` and all objects below it, if they exist."""
        ...


def checked_key(key: str) -> str:
    """`key` in normal form, if it is valid in every store and below its root. Raises `UsageError`."""
    if _PLAIN.fullmatch(key):
        return key
    path = PurePosixPath(key)
    normal = str(path)
    if not path.parts or path.is_absolute() or ".." in path.parts or _INVALID.search(key):
        raise UsageError(
            f"{key!r} is not a key of the media store",
            remedy="use a name without .. in its path, backslashes and control characters",
        )
    if len(normal.encode()) > _KEY_BYTES or max(len(part.encode()) for part in path.parts) > _NAME_BYTES:
        raise UsageError(
            f"the key is too long for the media store ({len(key)} characters): {key[:60]!r}...",
            remedy="shorten it, or the prefix of the address",
        )
    return normal
