"""Where, beside its telemetry, an MP4 may say where it was made: boxes told by their kind and their content.

| box | where | whose |
|---|---|---|
| ©xyz | udta, meta/ilst | GoPro, Android, QuickTime (ISO 6709 text) |
| loci | udta | 3GPP TS 26.244 section 8.10 |
| keys and ilst | meta of the file, moov, tracks | Apple: com.apple.quicktime.location.* |
| GPMF | udta | the camera's settings and HiLights |
| XMP_, uuid, free, any other leaf | udta, meta, the file | where its bytes hold coordinates or positions |

Each becomes a `free` box of zeros of the same length, so that nothing else in the file moves; of GPMF only
the positions go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eddyline.gpmf.edit.location import block_without_location
from eddyline.mp4.boxes import Box, box_header, printable
from eddyline.mp4.errors import LimitError
from eddyline.mp4.ranges import ByteRanges
from eddyline.pipeline.edit.traces import LONGEST, says_where

_BY_KIND = frozenset({"\xa9xyz", "loci", "gps ", "GPS ", "GPS0"})
_CONTAINERS = frozenset({"moov", "trak", "mdia", "minf", "udta", "meta", "ilst", "moof", "traf", "mvex"})
# Tables, whose numbers could look like anything, and which hold no text.
_TABLES = frozenset(
    {"mvhd", "tkhd", "mdhd", "hdlr", "stbl", "dinf", "edts", "tref", "ftyp", "trun", "tfhd", "keys"}
)
_PADDING = frozenset({"free", "skip", "wide"})
_LARGEST = 128 << 20  # bytes of one box, or of padding that is looked at in one go
_MOST_BOXES = 200_000
_HEADER, _LARGE_HEADER = 8, 16


@dataclass(frozen=True, kw_only=True)
class Patch:
    """What is put at byte `offset` of the copy: `data`, then so many `zeros`. `what` it takes away."""

    offset: int
    data: bytes = b""
    zeros: int = 0
    what: str = ""

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + len(self.data) + self.zeros


@dataclass(frozen=True, kw_only=True)
class Span:
    """An outermost box: bytes [start, end) of the file, the body from `body` on."""

    kind: str
    start: int
    body: int
    end: int


def outermost(src: ByteRanges) -> Iterator[Span]:
    """The boxes of a file; fewer bytes at the end than a header are padding. Raises `Mp4Error`."""
    at = 0
    for _ in range(_MOST_BOXES):
        if src.size - at < _HEADER:
            return
        head = src.read(at, min(2 * _LARGE_HEADER, src.size - at))
        kind, header, size = box_header(memoryview(head), src.size - at, "file", at)
        yield Span(kind=kind, start=at, body=at + header, end=at + size)
        at += size
    raise LimitError(f"the file has more than {_MOST_BOXES} outermost boxes", path="file", offset=at)


def places(src: ByteRanges) -> Iterator[Patch]:
    """What to overwrite so that no box says where. Raises `Mp4Error`, and `GpmfError` for broken settings."""
    for span in outermost(src):
        if span.kind in _PADDING:
            yield from padding(src, span.body, span.end, span.kind)
        elif span.kind != "mdat":
            yield from _in_box(_read(src, span))


def padding(src: ByteRanges, start: int, end: int, what: str) -> Iterator[Patch]:
    """Bytes [start, end) that belong to nobody: all of them go if they say where."""
    for at in range(start, end, _LARGEST):
        begin = max(start, at - LONGEST)
        if says_where(src.read(begin, min(end, at + _LARGEST) - begin)):
            yield Patch(offset=start, zeros=end - start, what=f"{what} (padding)")
            return


def _read(src: ByteRanges, span: Span) -> Box:
    size = span.end - span.start
    if size > _LARGEST:
        raise LimitError(f"box {printable(span.kind)} has {size} bytes", path="file", offset=span.start)
    raw = memoryview(src.read(span.start, size))
    body = raw[span.body - span.start :]
    return Box(kind=span.kind, raw=raw, body=body, offset=span.body, path=printable(span.kind)[1:-1])


def _in_box(box: Box) -> Iterator[Patch]:
    if box.kind in _BY_KIND:
        yield _freed(box)
    elif box.kind in _CONTAINERS:
        yield from _inside(box)
    elif box.kind == "GPMF":
        kept = block_without_location(bytes(box.body), offset=box.offset, path=box.path)
        if kept != box.body:
            yield Patch(offset=box.offset, data=kept, what=box.path)
    elif box.kind not in _TABLES and says_where(bytes(box.body)):
        yield _freed(box)


def _inside(box: Box) -> Iterator[Patch]:
    """The children of a container; of a meta box whose keys name a location, their values as well."""
    # QuickTime's meta has no version and flags; then its first child begins at once.
    versioned = box.kind == "meta" and bytes(box.body[4:8]) not in {b"hdlr", b"keys", b"ilst", b"mhdr"}
    children = list(box.children(4 if versioned else 0))
    named = _location_keys(next((child for child in children if child.kind == "keys"), None))
    for child in children:
        if child.kind != "ilst" or not named:
            yield from _in_box(child)
            continue
        for item in child.children():
            place = int.from_bytes(item.kind.encode("latin-1"), "big")
            yield from (_freed(item),) if place in named else _in_box(item)


def _location_keys(keys: Box | None) -> frozenset[int]:
    """The numbers, from 1, of the keys that name a location (QuickTime File Format, "Metadata")."""
    if keys is None:
        return frozenset()
    names = ((number, bytes(key.body).lower()) for number, key in enumerate(keys.children(8), 1))
    return frozenset(number for number, name in names if b"location" in name or b"gps" in name)


def _freed(box: Box) -> Patch:
    """The whole box as padding of the same length; a 64-bit size stays one."""
    size = bytes(box.raw[:4])
    large = int.from_bytes(size, "big") == 1
    head = size + b"free" + (bytes(box.raw[_HEADER:_LARGE_HEADER]) if large else b"")
    start = box.offset - (len(box.raw) - len(box.body))
    return Patch(offset=start, data=head, zeros=len(box.raw) - len(head), what=box.path)
