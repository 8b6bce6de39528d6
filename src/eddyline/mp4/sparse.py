"""A sparse local copy of a remote MP4: the same size, but only some of its bytes.

For programs that read local files only. Every byte has the same offset as in the original. The index is
complete; of the media only the requested ranges are present. The rest is a hole in the file and reads as
zeros.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from eddyline.mp4.boxes import parse_box_header
from eddyline.mp4.byte_ranges import ByteRanges, Ints, coalesce_for, read_spans
from eddyline.mp4.errors import LimitError, Mp4Error
from eddyline.mp4.movie import Limits

_HEADER: Final = 16
_MEDIA: Final = frozenset({"mdat", "free", "skip", "wide"})
_LIMITS: Final = Limits()


def write_sparse_copy(
    src: ByteRanges, offsets: Ints, sizes: Ints, out: Path, *, limits: Limits = _LIMITS
) -> int:
    """Write to `out` all boxes except media and padding, and the given ranges; returns the bytes read.

    `offsets` and `sizes` are int64[n]. Raises `LimitError` for an index larger than `limits`, and the errors
    of reading.
    """
    order = np.argsort(offsets, kind="stable")
    offsets, sizes = offsets[order], sizes[order]
    bounds = coalesce_for(src, offsets, sizes).tolist()
    ends = offsets + sizes
    spans = [
        (int(offsets[first]), int(ends[first:last].max() - offsets[first]))
        for first, last in pairwise(bounds)
        if last > first
    ]
    spans = _index_ranges(src, limits) + [(at, length) for at, length in spans if length > 0]
    with out.open("wb") as file:
        file.truncate(src.size)
        for (at, _), data in zip(spans, read_spans(src, spans), strict=True):
            file.seek(at)
            file.write(data)
    return sum(length for _, length in spans)


def _index_ranges(src: ByteRanges, limits: Limits) -> list[tuple[int, int]]:
    """The ranges of the top-level boxes; of media and padding only the header."""
    spans: list[tuple[int, int]] = []
    at = total = 0
    while src.size - at >= _HEADER // 2 and len(spans) < limits.boxes:
        head = src.read(at, min(_HEADER, src.size - at))
        try:
            kind, header, size = parse_box_header(memoryview(head), 1 << 62, "file", at)
        except Mp4Error:
            break  # readers ignore invalid data after a complete index
        if head[:4] == b"\0\0\0\0":
            size = src.size - at
        size = min(max(size, header), src.size - at)
        length = min(header, size) if kind in _MEDIA else size
        total += length
        if total > limits.index:
            raise LimitError(f"the index is larger than {limits.index} bytes", path=kind, offset=at)
        spans.append((at, length))
        at += size
    return spans
