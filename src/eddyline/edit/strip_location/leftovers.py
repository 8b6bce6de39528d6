"""What of the source does not reach the copy at all: other outermost boxes, trailers, media of no track."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from eddyline.edit.strip_location.box_parts import reason_for
from eddyline.edit.strip_location.report import INDEX, UNUSED, Report
from eddyline.mp4.boxes import parse_box_header, quote_fourcc
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.errors import Mp4Error
from eddyline.mp4.movie import Movie

_HEADER, _LONGEST_HEADER = 8, 32
_MOST_BOXES: Final = 200_000
_SEARCHED: Final = 16 << 20  # bytes of all that is left over, searched for coordinates
_PIECE: Final = 1 << 20
_PADDING: Final = frozenset({"free", "skip", "wide", "\0\0\0\0"})
_INDEXES: Final = frozenset({"sidx", "ssix", "mfra", "styp", "prft"})


@dataclass(frozen=True, kw_only=True)
class Span:
    """An outermost box, or what lies behind the last one (kind ""): bytes [start, end), body from `body`."""

    kind: str
    start: int
    body: int
    end: int


def outermost(src: ByteRanges) -> Iterator[Span]:
    """The outermost boxes; bytes that are no box are one span up to the end of the file."""
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
            break  # zeros, or a trailer that begins with them
        yield Span(kind=kind, start=at, body=at + header, end=at + size)
        at += size
    if at < src.size:
        yield Span(kind="", start=at, body=at, end=src.size)


@dataclass(kw_only=True)
class Leftovers:
    """Reports what is left over; reads at most 16 MB of it."""

    src: ByteRanges
    report: Report
    _left: int = _SEARCHED

    def note(self, movie: Movie) -> None:
        """Report every outermost box that is not copied, and the parts of mdat that no sample takes."""
        starts, ends = _extents(movie)
        unused = 0
        copied = {"ftyp", "moov"}  # the first of each
        for span in outermost(self.src):
            if span.kind == "mdat":
                unused += self._between(span, starts, ends)
            elif span.kind in copied:
                copied.discard(span.kind)
            elif span.kind != "moof" or not movie.fragmented:
                self._span(span)
        if unused:
            self.report.remove("mdat (bytes between the samples)", UNUSED, unused)

    def _span(self, span: Span) -> None:
        empty = self._search(span.body, span.end)
        if empty and (span.kind in _PADDING or not span.kind):
            return
        name = quote_fourcc(span.kind)[1:-1] if span.kind else "bytes behind the last box"
        identifier = self.src.read(span.body - 16, 16) if span.kind == "uuid" else b""
        name += f" {identifier.hex()}" if identifier else ""
        why = INDEX if span.kind in _INDEXES else reason_for(span.kind, identifier)
        self.report.remove(name, why, span.end - span.start)

    def _between(self, span: Span, starts: Ints, ends: Ints) -> int:
        """How many bytes of an mdat belong to no sample; those that are all zero do not count."""
        first, last = np.searchsorted(starts, (span.body, span.end)).tolist()
        begins = [max(span.body, int(ends[first - 1])) if first else span.body, *ends[first:last].tolist()]
        total = 0
        for begin, end in zip(begins, [*starts[first:last].tolist(), span.end], strict=True):
            if begin < end and not self._search(begin, end):
                total += end - begin
        return total

    def _search(self, begin: int, end: int) -> bool:
        """Look for coordinates; whether all of the bytes are zero."""
        empty = True
        for at in range(begin, end, _PIECE):
            if self._left <= 0:
                return False
            data = self.src.read(at, min(_PIECE, end - at))
            self._left -= len(data)
            if data.strip(b"\0"):
                empty = False
                self.report.search(data)
        return empty


def _extents(movie: Movie) -> tuple[Ints, Ints]:
    """All samples' starts in order, and how far the samples up to each reach."""
    offset = np.concatenate([track.samples.offset for track in movie.tracks])
    size = np.concatenate([track.samples.size for track in movie.tracks])
    order = np.argsort(offset, kind="stable")
    return offset[order], np.maximum.accumulate((offset + size)[order])
