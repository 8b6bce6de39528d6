"""Reports the uncopied parts of the source: other top-level boxes, trailers, bytes outside samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from eddyline.edit.strip_location.boxes.box_parts import PADDING, reason_for
from eddyline.edit.strip_location.report import INDEX, UNUSED, Report
from eddyline.mp4.boxes import parse_box_header, quote_fourcc
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.errors import Mp4Error
from eddyline.mp4.movie import Movie

_HEADER, _LONGEST_HEADER = 8, 32
_MOST_BOXES: Final = 200_000
_SEARCHED: Final = 16 << 20  # bytes of uncopied data that are searched for coordinates
_BLOCK: Final = 1 << 20
_INDEXES: Final = frozenset({"sidx", "ssix", "mfra", "styp", "prft"})


@dataclass(frozen=True, kw_only=True)
class TopLevelBox:
    """A top-level box, or the bytes after the last one (kind ""): bytes [start, end), body from `body`."""

    kind: str
    start: int
    body: int
    end: int


def top_level_boxes(src: ByteRanges) -> Iterator[TopLevelBox]:
    """Yields the top-level boxes; bytes that are not a box form one span up to the end of the file."""
    at = 0
    for _ in range(_MOST_BOXES):
        if src.size - at < _HEADER:
            break
        head = src.read(at, min(_LONGEST_HEADER, src.size - at))
        try:
            kind, header, size = parse_box_header(memoryview(head), src.size - at, "file", at)
        except Mp4Error:
            break
        if head[:4] == b"\0\0\0\0" and kind == "\0\0\0\0":
            break  # zeros, or a trailer that starts with zeros
        yield TopLevelBox(kind=kind, start=at, body=at + header, end=at + size)
        at += size
    if at < src.size:
        yield TopLevelBox(kind="", start=at, body=at, end=src.size)


@dataclass(kw_only=True)
class Leftovers:
    """Reports the data that is not copied; reads at most 16 MiB of it."""

    src: ByteRanges
    report: Report
    _left: int = _SEARCHED

    def report_all(self, movie: Movie) -> None:
        """Reports every top-level box that is not copied, and the bytes of mdat outside samples."""
        starts, ends = _extents(movie)
        unused = 0
        copied = {"ftyp", "moov"}  # the first of each
        for span in top_level_boxes(self.src):
            if span.kind == "mdat":
                unused += self._between(span, starts, ends)
            elif span.kind in copied:
                copied.discard(span.kind)
            elif span.kind != "moof" or not movie.fragmented:
                self._span(span)
        if unused:
            self.report.record_removed("mdat (bytes between the samples)", UNUSED, unused)

    def _span(self, span: TopLevelBox) -> None:
        empty = self._search(span.body, span.end)
        if empty and (span.kind in PADDING or not span.kind):
            return
        name = quote_fourcc(span.kind)[1:-1] if span.kind else "bytes after the last box"
        identifier = self.src.read(span.body - 16, 16) if span.kind == "uuid" else b""
        name += f" {identifier.hex()}" if identifier else ""
        why = INDEX if span.kind in _INDEXES else reason_for(span.kind, identifier)
        self.report.record_removed(name, why, span.end - span.start)

    def _between(self, span: TopLevelBox, starts: Ints, ends: Ints) -> int:
        """Returns the number of bytes of an mdat outside samples; gaps of zeros are not counted."""
        first, stop = np.searchsorted(starts, (span.body, span.end)).tolist()
        gaps = [max(span.body, int(ends[first - 1])) if first else span.body, *ends[first:stop].tolist()]
        total = 0
        for start, end in zip(gaps, [*starts[first:stop].tolist(), span.end], strict=True):
            if start < end and not self._search(start, end):
                total += end - start
        return total

    def _search(self, start: int, end: int) -> bool:
        """Searches the bytes for coordinates. Returns whether all of them are zero."""
        empty = True
        for at in range(start, end, _BLOCK):
            if self._left <= 0:
                return False
            data = self.src.read(at, min(_BLOCK, end - at))
            self._left -= len(data)
            if data.strip(b"\0"):
                empty = False
                self.report.search(data)
        return empty


def _extents(movie: Movie) -> tuple[Ints, Ints]:
    """Returns the sorted starts of all samples, and for each the largest end of the samples up to it."""
    offset = np.concatenate([track.samples.offset for track in movie.tracks])
    size = np.concatenate([track.samples.size for track in movie.tracks])
    order = np.argsort(offset, kind="stable")
    return offset[order], np.maximum.accumulate((offset + size)[order])
