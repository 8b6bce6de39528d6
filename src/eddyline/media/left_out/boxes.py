"""Boxes of an MP4 or MOV that renditions omit: XMP packets, manufacturers' boxes, and trailing data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eddyline.media.left_out.report import LeftOut
from eddyline.mp4.boxes import parse_box_header, quote_fourcc
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.errors import Mp4Error
from eddyline.mp4.movie import Movie

_HEADER = 16
_MAX_BOXES: Final = 64  # top-level boxes that are read; a fragmented file has thousands of media boxes
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
# Boxes of the file structure, media and padding, which need no mention.
_STRUCTURE = frozenset({"ftyp", "styp", "moov", "moof", "mdat", "mfra", "sidx", "ssix", "prft", "pdin"})
_STRUCTURE |= {"free", "skip", "wide", "pnot"}
_WHY = "only moov/udta and moov/meta are carried"


def left_out_boxes(src: ByteRanges, movie: Movie) -> list[LeftOut]:
    """List the omitted top-level boxes, boxes in moov, and bytes after the last box."""
    found = [
        *_top_level(src),
        *((f"moov/{quote_fourcc(kind)[1:-1]}", kind, size) for kind, size in movie.unread),
    ]
    return [LeftOut(kind="metadata", what=f"{what} ({size:,} bytes)", why=_WHY) for what, _, size in found]


def _top_level(src: ByteRanges) -> Iterator[tuple[str, str, int]]:
    """Yield (description, box type, size in bytes)."""
    at = 0
    for _ in range(_MAX_BOXES):
        left = src.size - at
        if left < 8:  # noqa: PLR2004 - a box header
            return
        head = src.read(at, min(_HEADER + len(_XMP), left))
        try:
            kind, header, size = parse_box_header(memoryview(head[:_HEADER]), 1 << 62, "file", at)
        except Mp4Error:
            yield f"data after the last box, from byte {at:,}", "", left
            return
        if head[:4] == b"\0\0\0\0":
            size = left
        if not kind.isprintable() or size > left:
            if kind not in _STRUCTURE:
                yield f"data after the last box, from byte {at:,}", "", left
            return
        if kind == "uuid":
            yield "an XMP packet" if head[header - 16 : header] == _XMP else "a uuid box", kind, size
        elif kind not in _STRUCTURE and size > header:
            yield f"box {quote_fourcc(kind)}", kind, size
        at += size
