"""Samples in memory, read like a file: text and chapter tracks are made of them."""

from __future__ import annotations

from eddyline.core.errors import TruncatedError


class MemorySamples:
    """A source of bytes (`ByteRanges`) that holds them."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        """The bytes [offset, offset + length). Raises `TruncatedError` where they end before."""
        if not 0 <= offset <= offset + length <= len(self._data):
            raise TruncatedError("there are not that many bytes in memory", offset=offset)
        return self._data[offset : offset + length]
