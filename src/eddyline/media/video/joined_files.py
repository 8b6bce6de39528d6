"""Files of one stream, read as one file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

from eddyline.core.errors import TruncatedError
from eddyline.store.ranges import FileRanges


class JoinedFiles:
    """Concatenated files, as a player joins an initialization segment and media segments.

    One file is open at a time: an hour has 900 segments, and a process may open 1,024 files.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._open: FileRanges | None = None
        self.starts = [0]
        for path in paths:
            self.starts.append(self.starts[-1] + path.stat().st_size)

    @property
    def size(self) -> int:
        """Total bytes of all files."""
        return self.starts[-1]

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes at `offset`, across files. Raises `TruncatedError` past the end."""
        if offset < 0 or offset + length > self.size:
            raise TruncatedError("the last segment ends inside a box", offset=offset)
        parts: list[bytes] = []
        while length > 0:
            index = bisect_right(self.starts, offset) - 1
            count = min(length, self.starts[index + 1] - offset)
            parts.append(self._file(index).read(offset - self.starts[index], count))
            offset, length = offset + count, length - count
        return b"".join(parts)

    def close(self) -> None:
        """Close the open file."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _file(self, index: int) -> FileRanges:
        if self._open is None or self._open.path != self._paths[index]:
            self.close()
            self._open = FileRanges(self._paths[index])
        return self._open
