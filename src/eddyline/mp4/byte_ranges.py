"""Reads many small ranges of a file, local or in a store, with few requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from concurrent.futures import Future

Ints = npt.NDArray[np.int64]

# Gaps up to this size are read rather than skipped with a new request, unless the source sets a limit.
GAP = 256 * 1024
BLOCK = 8 * 1024 * 1024  # bytes in memory for each track being read
_CONCURRENT_BLOCK = 4 * 1024 * 1024  # bytes of one of several concurrent requests
_IN_FLIGHT = 16 * 1024 * 1024  # bytes of all concurrent requests


class ByteRanges(Protocol):
    """A file of `size` bytes that is read by ranges.

    A source may have the attribute `gap`, the largest number of unneeded bytes that it reads rather than
    issue another request, and `at_once`, the number of concurrent requests that it accepts.
    """

    @property
    def size(self) -> int:
        """Bytes in the file."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`, else `TruncatedError` or `MissingError`."""
        ...


class CountingRanges:
    """Wraps a source and counts the requests and the bytes read."""

    def __init__(self, source: ByteRanges) -> None:
        self._source = source
        self.gap, self.at_once = gap_of(source), concurrency_of(source)
        self.bytes_read = 0
        self.requests = 0
        self._lock = Lock()

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._source.size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`."""
        data = self._source.read(offset, length)
        with self._lock:
            self.bytes_read += length
            self.requests += 1
        return data


def gap_of(source: ByteRanges) -> int:
    """The `gap` of the source, or the default."""
    return int(getattr(source, "gap", GAP))


def concurrency_of(source: ByteRanges) -> int:
    """The number of concurrent requests that the source accepts; 1 by default."""
    return int(getattr(source, "at_once", 1))


def max_request_bytes(source: ByteRanges) -> int:
    """The most bytes to request from the source at once."""
    return BLOCK if concurrency_of(source) == 1 else _CONCURRENT_BLOCK


def coalesce(
    offsets: Ints, sizes: Ints, *, gap: int = GAP, block: int = BLOCK, waste: int | None = None
) -> Ints:
    """Group consecutive samples into blocks, each read with one request: int64[k+1] bounds of sample numbers.

    A block continues while the next sample starts at most `gap` bytes after the end of the previous one and
    the block stays within `block` bytes (a larger sample is a separate block). All blocks together contain
    at most `waste` bytes between samples: the widest gaps are excluded first.
    """
    count = len(offsets)
    if count == 0:
        return np.zeros(1, np.int64)
    ends = offsets + sizes
    gaps = offsets[1:] - ends[:-1]
    jumps = np.flatnonzero(~_gaps_to_read(gaps, gap, waste)) + 1
    bounds: list[int] = [0]
    for stop in [*jumps.tolist(), count]:
        first = bounds[-1]
        while ends[stop - 1] - offsets[first] > block:
            # Ends increase within a run: find the last sample that fits.
            last = int(np.searchsorted(ends[first:stop], offsets[first] + block, side="right")) + first
            first = max(last, first + 1)
            if first >= stop:
                break
            bounds.append(first)
        if bounds[-1] != stop:
            bounds.append(stop)
    return np.array(bounds, np.int64)


def _gaps_to_read(gaps: Ints, gap: int, waste: int | None) -> npt.NDArray[np.bool_]:
    """Which gaps are read: none wider than `gap`, the narrowest first, at most `waste` bytes in total."""
    chosen: npt.NDArray[np.bool_] = (gaps >= 0) & (gaps <= gap)
    if waste is not None:
        candidates = np.flatnonzero(chosen & (gaps > 0))
        narrowest = candidates[np.argsort(gaps[candidates], kind="stable")]
        fitting = int(np.searchsorted(np.cumsum(gaps[narrowest]), waste, side="right"))
        chosen[narrowest[fitting:]] = False
    return chosen


def coalesce_for(src: ByteRanges, offsets: Ints, sizes: Ints, gap: int | None = None) -> Ints:
    """`coalesce` with the limits of a source; a concurrent source discards at most half of the bytes read."""
    return coalesce(
        offsets,
        sizes,
        gap=gap_of(src) if gap is None else gap,
        block=max_request_bytes(src),
        waste=None if concurrency_of(src) == 1 else int(sizes.sum()),
    )


def read_ranges(
    src: ByteRanges, offsets: Ints, sizes: Ints, *, gap: int | None = None, block: int | None = None
) -> Iterator[bytes]:
    """Each sample's bytes in the given order; adjacent samples share a request (see `coalesce`).

    `gap` and `block` default to those of the source.
    """
    if block is None:
        bounds = coalesce_for(src, offsets, sizes, gap).tolist()
    else:
        bounds = coalesce(offsets, sizes, gap=gap_of(src) if gap is None else gap, block=block).tolist()
    ends = offsets + sizes
    spans = [(int(offsets[first]), int(ends[last - 1] - offsets[first])) for first, last in pairwise(bounds)]
    for (first, last), data in zip(pairwise(bounds), read_spans(src, spans), strict=True):
        starts = (offsets[first:last] - offsets[first]).tolist()
        for start, size in zip(starts, sizes[first:last].tolist(), strict=True):
            yield data[start : start + size]


def read_spans(src: ByteRanges, spans: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """The bytes of each (offset, length) in order, with concurrent requests where the source accepts them.

    At most `_IN_FLIGHT` bytes are read pending (one larger span is read on its own).
    """
    concurrency = concurrency_of(src)
    if concurrency == 1 or len(spans) < 2:  # noqa: PLR2004 - a single span
        for offset, length in spans:
            yield src.read(offset, length)
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - slow to import, and local files need none

    pending: deque[tuple[Future[bytes], int]] = deque()
    pending_bytes = 0
    with ThreadPoolExecutor(min(concurrency, len(spans)), thread_name_prefix="ranges") as pool:
        try:
            for offset, length in spans:
                while pending and (len(pending) == concurrency or pending_bytes + length > _IN_FLIGHT):
                    first, size = pending.popleft()
                    yield first.result()
                    pending_bytes -= size
                pending.append((pool.submit(src.read, offset, length), length))
                pending_bytes += length
            while pending:
                yield pending.popleft()[0].result()
        finally:  # also if the caller stops early
            for waiting, _ in pending:
                waiting.cancel()
