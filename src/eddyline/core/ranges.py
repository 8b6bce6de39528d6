"""Reading a stored object by byte ranges, with what was read of it counted."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from eddyline.core.errors import FormatError
from eddyline.core.files import told_apart


class Ranges(Protocol):
    """An object of `size` bytes whose ranges can be read; safe to close twice."""

    bytes_read: int
    requests: int

    @property
    def size(self) -> int:
        """Bytes in the object, when it was opened."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`.

        Raises `FormatError` where the object ends before, `MissingError` where it has vanished and
        `TransientError` where it was changed since it was opened or cannot be reached.
        """
        ...

    def close(self) -> None:
        """Give back what is held open."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def checked_range(name: str, size: int, offset: int, length: int) -> None:
    """Raise `FormatError` unless the `length` bytes from `offset` lie within an object of `size` bytes."""
    if offset < 0 or length < 0 or offset + length > size:
        raise FormatError(f"{name}: {length} bytes wanted, it ends at {size}", offset=offset)


class FileRanges:
    """A local file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes_read = 0
        self.requests = 0
        self._fd = -1
        with told_apart(f"opening {path}"):
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._size = os.fstat(self._fd).st_size

    @property
    def size(self) -> int:
        """Bytes in the file, when it was opened."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Raises `FormatError`, `TransientError`."""
        checked_range(str(self.path), self._size, offset, length)
        parts: list[bytes] = []
        at, left = offset, length
        while left:
            with told_apart(f"reading {self.path}"):
                part = os.pread(self._fd, left, at)
            if not part:
                raise FormatError(f"{self.path} shrank while it was read", offset=at)
            parts.append(part)
            at, left = at + len(part), left - len(part)
        self.bytes_read += length
        self.requests += 1
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Give the file back; safe twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
