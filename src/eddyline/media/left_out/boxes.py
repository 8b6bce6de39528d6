"""Boxes of an MP4 or MOV that no rendition has: XMP packets, boxes of makers, and trailers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eddyline.media.left_out.report import LeftOut
from eddyline.mp4.boxes import parse_box_header, quote_fourcc
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.errors import Mp4Error
from eddyline.mp4.movie import Movie

_HEADER = 16
_MOST: Final = 64  # outermost boxes that are looked at; a fragmented file has thousands, of its media
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
# What tells readers how to read the file, holds the media, or is padding.
_STRUCTURE = frozenset(
    {
        "ftyp",
        "styp",
        "moov",
        "moof",
        "mdat",
        "mfra",
        "sidx",
        "ssix",
        "prft",
        "pdin",
        "free",
        "skip",
        "wide",
        "pnot",
    }
)
_WHY = "only moov/udta and moov/meta are carried"


def left_out_boxes(src: ByteRanges, movie: Movie) -> list[LeftOut]:
    """The outermost boxes, those in moov, and the bytes behind all boxes that are not carried."""
    found = [
        *_outermost(src),
        *((f"moov/{quote_fourcc(kind)[1:-1]}", kind, size) for kind, size in movie.unread),
    ]
    return [LeftOut(kind="metadata", what=f"{what} ({size:,} bytes)", why=_WHY) for what, _, size in found]


def _outermost(src: ByteRanges) -> Iterator[tuple[str, str, int]]:
    at = 0
    for _ in range(_MOST):
        left = src.size - at
        if left < 8:  # noqa: PLR2004 - a box header
            return
        head = src.read(at, min(_HEADER + len(_XMP), left))
        try:
            kind, header, size = parse_box_header(memoryview(head[:_HEADER]), 1 << 62, "file", at)
        except Mp4Error:
            yield f"what follows the last box, from byte {at:,} on", "", left
            return
        if head[:4] == b"\0\0\0\0":
            size = left
        if not kind.isprintable() or size > left:
            if kind not in _STRUCTURE:
                yield f"what follows the last box, from byte {at:,} on", "", left
            return
        if kind == "uuid":
            yield "an XMP packet" if head[header - 16 : header] == _XMP else "a uuid box", kind, size
        elif kind not in _STRUCTURE and size > header:
            yield f"box {quote_fourcc(kind)}", kind, size
        at += size
