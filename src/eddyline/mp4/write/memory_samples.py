"""Samples in memory with the interface of a file, for text and chapter tracks."""

from __future__ import annotations

from eddyline.core.errors import TruncatedError


class MemorySamples:
    """A byte source (`ByteRanges`) in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        """The bytes [offset, offset + length). Raises `TruncatedError` if there are fewer."""
        if not 0 <= offset <= offset + length <= len(self._data):
            raise TruncatedError(
                f"bytes {offset} to {offset + length} of {len(self._data)} in memory", offset=offset
            )
        return self._data[offset : offset + length]
