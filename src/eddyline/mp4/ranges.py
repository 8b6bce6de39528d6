"""Reading a file by byte ranges, with few requests: local files here, objects of a store elsewhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import InputError, MissingError, TransientError
from eddyline.mp4.errors import TruncatedError

Ints = npt.NDArray[np.int64]

# Bytes worth reading for nothing rather than asking again. A store's round trip takes as long as 256 KiB;
# a disk's only as long as a few pages, and a camera puts every packet of sound between two pictures.
GAP = 256 * 1024
FILE_GAP = 16 * 1024
BLOCK = 8 * 1024 * 1024  # bytes in memory at once, for each track being read


class ByteRanges(Protocol):
    """A file of `size` bytes whose ranges can be read.

    A source may have a `gap` of its own: the bytes it rather reads for nothing than be asked again.
    """

    @property
    def size(self) -> int:
        """Bytes in the file."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`, else `TruncatedError` or `MissingError`."""
        ...


class FileRanges:
    """A local file; counts what was read of it."""

    gap = FILE_GAP

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.bytes_read = 0
        self.requests = 0
        try:
            # Not blocking, so that a named pipe cannot hold us up before it is refused.
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise MissingError(f"{self.path} does not exist") from error
        except OSError as error:
            raise TransientError(f"cannot open {self.path}: {error.strerror}") from error
        found = os.fstat(self._fd)
        if not stat.S_ISREG(found.st_mode):
            self.close()
            raise InputError(f"{self.path} is not a plain file", remedy="give a file, not a folder or device")
        self._size = found.st_size

    @property
    def size(self) -> int:
        """Bytes in the file, when it was opened."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`."""
        if offset < 0 or length < 0 or offset + length > self._size:
            raise TruncatedError(
                f"{length} bytes wanted, the file ends at {self._size}", path=self.path.name, offset=offset
            )
        parts: list[bytes] = []
        at, left = offset, length
        while left:
            try:
                part = os.pread(self._fd, left, at)
            except OSError as error:
                raise TransientError(f"cannot read {self.path}: {error.strerror}") from error
            if not part:
                raise TruncatedError("the file shrank while it was read", path=self.path.name, offset=at)
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
        if getattr(self, "_fd", -1) >= 0:
            self.close()


class CountingRanges:
    """Any ranges, with what was asked of them counted."""

    def __init__(self, source: ByteRanges) -> None:
        self._source = source
        self.gap = gap_of(source)
        self.bytes_read = 0
        self.requests = 0

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._source.size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`."""
        data = self._source.read(offset, length)
        self.bytes_read += length
        self.requests += 1
        return data


def gap_of(source: ByteRanges) -> int:
    """The source's own gap, or that of a store."""
    return int(getattr(source, "gap", GAP))


def blocks(offsets: Ints, sizes: Ints, *, gap: int = GAP, block: int = BLOCK) -> Ints:
    """Where consecutive samples fall into blocks that one request reads: int64[k+1] bounds of sample numbers.

    A block goes on while the next sample begins behind the last one's end, at most `gap` bytes further,
    and the whole stays within `block` bytes (a single larger sample is a block by itself).
    """
    count = len(offsets)
    if count == 0:
        return np.zeros(1, np.int64)
    ends = offsets + sizes
    jumps = np.flatnonzero((offsets[1:] < ends[:-1]) | (offsets[1:] - ends[:-1] > gap)) + 1
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


def read_many(
    src: ByteRanges, offsets: Ints, sizes: Ints, *, gap: int | None = None, block: int = BLOCK
) -> Iterator[bytes]:
    """Each sample's bytes in the order given; neighbours come with one request (see `blocks`).

    `gap` is the source's own (`gap_of`) unless given.
    """
    bounds = blocks(offsets, sizes, gap=gap_of(src) if gap is None else gap, block=block).tolist()
    for first, last in pairwise(bounds):
        begin = int(offsets[first])
        data = src.read(begin, int(offsets[last - 1] + sizes[last - 1]) - begin)
        starts = (offsets[first:last] - begin).tolist()
        for start, size in zip(starts, sizes[first:last].tolist(), strict=True):
            yield data[start : start + size]
