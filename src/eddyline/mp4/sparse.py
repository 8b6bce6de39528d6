"""A local copy of a remote MP4 that has the same size and only some of its bytes.

For programs that read local files alone: every byte lies where it lies in the original, the index is whole,
and of the media only the ranges that were asked for are there. The rest is a hole in the file, and reads as
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
    """Write `out` with all boxes but media and padding, and these ranges; returns the bytes that were read.

    `offsets` and `sizes` are int64[n]. Raises `LimitError` for an index beyond `limits`, and what reading
    raises.
    """
    order = np.argsort(offsets, kind="stable")
    offsets, sizes = offsets[order], sizes[order]
    cuts = coalesce_for(src, offsets, sizes).tolist()
    ends = offsets + sizes
    spans = [
        (int(offsets[first]), int(ends[first:last].max() - offsets[first]))
        for first, last in pairwise(cuts)
        if last > first
    ]
    spans = _index(src, limits) + [(at, length) for at, length in spans if length > 0]
    with out.open("wb") as file:
        file.truncate(src.size)
        for (at, _), data in zip(spans, read_spans(src, spans), strict=True):
            file.seek(at)
            file.write(data)
    return sum(length for _, length in spans)


def _index(src: ByteRanges, limits: Limits) -> list[tuple[int, int]]:
    """Where the outermost boxes lie: all of them but media and padding, of which only the header is taken."""
    spans: list[tuple[int, int]] = []
    at = kept = 0
    while src.size - at >= _HEADER // 2 and len(spans) < limits.boxes:
        head = src.read(at, min(_HEADER, src.size - at))
        try:
            kind, header, size = parse_box_header(memoryview(head), 1 << 62, "file", at)
        except Mp4Error:
            break  # what is no box behind a whole index is not read by anyone
        if head[:4] == b"\0\0\0\0":
            size = src.size - at
        size = min(max(size, header), src.size - at)
        length = min(header, size) if kind in _MEDIA else size
        kept += length
        if kept > limits.index:
            raise LimitError(f"the index is larger than {limits.index} bytes", path=kind, offset=at)
        spans.append((at, length))
        at += size
    return spans
