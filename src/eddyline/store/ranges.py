"""Reads a stored object by byte ranges, and counts the requests and bytes."""

from __future__ import annotations

import os
import stat
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from eddyline.core.closeable import Closeable
from eddyline.core.errors import InputError, MissingError, TransientError, TruncatedError

if TYPE_CHECKING:
    from pathlib import Path

FILE_GAP = 16 * 1024  # another read of a disk takes as long as reading a few pages


class Ranges(Protocol):
    """An object of `size` bytes whose ranges can be read; safe to close twice."""

    bytes_read: int
    requests: int

    @property
    def size(self) -> int:
        """The size of the object in bytes when it was opened."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`.

        Raises `TruncatedError` beyond the end of the object, `MissingError` if it no longer exists, and
        `TransientError` if it has changed since it was opened or is unavailable.
        """
        ...

    def close(self) -> None:
        """Close the object."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def checked_range(name: str, size: int, offset: int, length: int) -> None:
    """Raise `TruncatedError` unless the `length` bytes from `offset` are within an object of `size` bytes."""
    if offset < 0 or length < 0 or offset + length > size:
        raise TruncatedError(f"{length} bytes requested, but it ends at {size}", path=name, offset=offset)


class FileRanges(Closeable):
    """A local file; counts the requests and bytes read.

    Two ranges are read by one request if the gap between them is at most `gap` bytes.
    """

    gap = FILE_GAP

    def __init__(self, path: os.PathLike[str] | str) -> None:
        self._file = os.fspath(path)
        self.bytes_read = 0
        self.requests = 0
        self._fd = -1
        try:
            # Non-blocking, so that opening a named pipe does not block before it is rejected.
            self._fd = os.open(self._file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise MissingError(f"{self._file} does not exist") from error
        except OSError as error:
            raise TransientError(f"cannot open {self._file}: {error.strerror}") from error
        found = os.fstat(self._fd)
        if not stat.S_ISREG(found.st_mode):
            self.close()
            raise InputError(
                f"{self._file} is not a regular file", remedy="pass a file, not a directory or device"
            )
        self._size = found.st_size
        # Changes with the file: a replacement has another inode, a file that was written another time.
        self.stamp = f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"

    @property
    def path(self) -> Path:
        """The path of the file."""
        from pathlib import Path  # noqa: PLC0415 - slow to import, and reading needs none

        return Path(self._file)

    @property
    def _name(self) -> str:
        return os.path.basename(self._file)  # noqa: PTH119 - as `path`

    @property
    def size(self) -> int:
        """The size of the file in bytes when it was opened."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Raises `TruncatedError`, `TransientError`."""
        checked_range(self._name, self._size, offset, length)
        parts: list[bytes] = []
        at, left = offset, length
        while left:
            try:
                part = os.pread(self._fd, left, at)
            except OSError as error:
                raise TransientError(f"cannot read {self._file}: {error.strerror}") from error
            if not part:
                raise TruncatedError("the file shrank while it was read", path=self._name, offset=at)
            parts.append(part)
            at, left = at + len(part), left - len(part)
        self.bytes_read += length
        self.requests += 1
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()
