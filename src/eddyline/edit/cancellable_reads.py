"""Range reads that can be cancelled."""

from __future__ import annotations

from collections.abc import Callable

from eddyline.mp4.byte_ranges import ByteRanges, concurrency_of, gap_of


def never_stop() -> None:
    """Never cancel."""


class CancellableReads:
    """Range reads of `source`; `check` is called before each read and raises to cancel."""

    def __init__(self, source: ByteRanges, check: Callable[[], None]) -> None:
        self._source, self._check = source, check
        self.gap, self.at_once = gap_of(source), concurrency_of(source)

    @property
    def size(self) -> int:
        """The size of the file in bytes."""
        return self._source.size

    def read(self, offset: int, length: int) -> bytes:
        """Read exactly `length` bytes at `offset`."""
        self._check()
        return self._source.read(offset, length)
