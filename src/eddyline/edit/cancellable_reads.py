"""Reading that can be stopped: whoever copies a recording asks with every read whether to go on."""

from __future__ import annotations

from collections.abc import Callable

from eddyline.mp4.byte_ranges import ByteRanges, concurrency_of, gap_of


def never() -> None:
    """Nobody asks to stop."""


class CancellableReads:
    """A file's ranges; `check` is called before every read and may raise, to stop."""

    def __init__(self, source: ByteRanges, check: Callable[[], None]) -> None:
        self._source, self._check = source, check
        self.gap, self.at_once = gap_of(source), concurrency_of(source)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._source.size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`."""
        self._check()
        return self._source.read(offset, length)
