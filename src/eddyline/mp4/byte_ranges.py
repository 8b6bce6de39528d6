"""Reading many small ranges of a file with few requests, from a disk or from a store."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from threading import Lock
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

# Bytes worth reading for nothing rather than asking again, of a source that says nothing of its own.
GAP = 256 * 1024
BLOCK = 8 * 1024 * 1024  # bytes in memory at once, for each track being read
_BLOCK_BESIDE_OTHERS = 4 * 1024 * 1024  # a request's, where several run side by side
_IN_FLIGHT = 16 * 1024 * 1024  # bytes of all of them


class ByteRanges(Protocol):
    """A file of `size` bytes whose ranges can be read.

    A source may have a `gap` of its own, the bytes it rather reads for nothing than be asked again, and say
    with `at_once` how many threads may read it side by side.
    """

    @property
    def size(self) -> int:
        """Bytes in the file."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`, else `TruncatedError` or `MissingError`."""
        ...


class CountingRanges:
    """Any ranges, with what was asked of them counted."""

    def __init__(self, source: ByteRanges) -> None:
        self._source = source
        self.gap, self.at_once = gap_of(source), concurrency_of(source)
        self.bytes_read = 0
        self.requests = 0
        self._turn = Lock()

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._source.size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`."""
        data = self._source.read(offset, length)
        with self._turn:
            self.bytes_read += length
            self.requests += 1
        return data


def gap_of(source: ByteRanges) -> int:
    """The source's own gap, or that of a store."""
    return int(getattr(source, "gap", GAP))


def concurrency_of(source: ByteRanges) -> int:
    """How many requests the source answers side by side; 1 for one that says nothing of it."""
    return int(getattr(source, "at_once", 1))


def max_request_bytes(source: ByteRanges) -> int:
    """The most bytes that one request asks the source for."""
    return BLOCK if concurrency_of(source) == 1 else _BLOCK_BESIDE_OTHERS


def coalesce(
    offsets: Ints, sizes: Ints, *, gap: int = GAP, block: int = BLOCK, waste: int | None = None
) -> Ints:
    """Where consecutive samples fall into blocks that one request reads: int64[k+1] bounds of sample numbers.

    A block goes on while the next sample begins behind the last one's end, at most `gap` bytes further,
    and the whole stays within `block` bytes (a single larger sample is a block by itself). All blocks
    together hold at most `waste` bytes between samples: the widest gaps are left out for it.
    """
    count = len(offsets)
    if count == 0:
        return np.zeros(1, np.int64)
    ends = offsets + sizes
    gaps = offsets[1:] - ends[:-1]
    jumps = np.flatnonzero(~_read_over(gaps, gap, waste)) + 1
    bounds: list[int] = [0]
    for stop in [*jumps.tolist(), count]:
        first = bounds[-1]
        while ends[stop - 1] - offsets[first] > block:
            # within a run, ends only grow: the last sample that still fits
            last = int(np.searchsorted(ends[first:stop], offsets[first] + block, side="right")) + first
            first = max(last, first + 1)
            if first >= stop:
                break
            bounds.append(first)
        if bounds[-1] != stop:
            bounds.append(stop)
    return np.array(bounds, np.int64)


def _read_over(gaps: Ints, gap: int, waste: int | None) -> npt.NDArray[np.bool_]:
    """Which gaps are read for nothing: none wider than `gap`, the narrowest first, `waste` bytes in all."""
    over: npt.NDArray[np.bool_] = (gaps >= 0) & (gaps <= gap)
    if waste is not None:
        candidates = np.flatnonzero(over & (gaps > 0))
        narrowest = candidates[np.argsort(gaps[candidates], kind="stable")]
        fitting = int(np.searchsorted(np.cumsum(gaps[narrowest]), waste, side="right"))
        over[narrowest[fitting:]] = False
    return over


def coalesce_for(src: ByteRanges, offsets: Ints, sizes: Ints, gap: int | None = None) -> Ints:
    """`coalesce` with the limits of a source. Concurrent sources discard at most half of the bytes read."""
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
    """Each sample's bytes in the order given; neighbours come with one request (see `coalesce`).

    `gap` and `block` are the source's own unless given.
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
    """The bytes of each (offset, length), in order; several requests at once where the source takes them.

    At most `_IN_FLIGHT` bytes are held ahead of whoever takes them (one larger span is read by itself).
    """
    at_once = concurrency_of(src)
    if at_once == 1 or len(spans) < 2:  # noqa: PLR2004 - one by itself
        for offset, length in spans:
            yield src.read(offset, length)
        return
    ahead: deque[tuple[Future[bytes], int]] = deque()
    held = 0
    with ThreadPoolExecutor(min(at_once, len(spans)), thread_name_prefix="ranges") as pool:
        try:
            for offset, length in spans:
                while ahead and (len(ahead) == at_once or held + length > _IN_FLIGHT):
                    first, size = ahead.popleft()
                    yield first.result()
                    held -= size
                ahead.append((pool.submit(src.read, offset, length), length))
                held += length
            while ahead:
                yield ahead.popleft()[0].result()
        finally:  # also where nobody takes the rest
            for waiting, _ in ahead:
                waiting.cancel()
