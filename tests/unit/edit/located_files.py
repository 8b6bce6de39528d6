"""Test files that contain a location in various boxes and forms, built from a plain file."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LATITUDE, LONGITUDE = 47.3769, 8.5417
ISO_6709 = b"+47.3769+008.5417+408.000/"
NMEA = b"$GPRMC,161313.00,A,4722.61400,N,00832.50200,E,6.225,35.34,310524,,,A*70\r\n"
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description exif:GPSLatitude="47,22.614N"'
    b' exif:GPSLongitude="8,32.502E" drone-dji:GpsLatitude="+47.3769"/></rdf:RDF></x:xmpmeta>'
)
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
BINARY = struct.pack(">ddd", LATITUDE, LONGITUDE, 408.0) + bytes(range(1, 41))
EXIF_GPS = (
    b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x88\x25\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0"
    b"\0\x04\0\x01\0\x02\0\0\0\x02N\0\0\0\0\x02\0\x05\0\0\0\x03\0\0\0\x50"
    b"\0\x03\0\x02\0\0\0\x02E\0\0\0\0\x04\0\x05\0\0\0\x03\0\0\0\x68\0\0\0\0"
    + struct.pack(">12I", 47, 1, 22, 1, 36840, 1000, 8, 1, 32, 1, 30120, 1000)
)
FORMS = (
    ISO_6709,
    NMEA,
    XMP,
    BINARY,
    b"GPS (8.5417, 47.3769, 19) BAROMETER:408.0",
    b"47 deg 22' 36.84\" N, 8 deg 32'",
)
CONTAINERS = frozenset(
    {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"edts", b"dinf", b"gmhd", b"mvex"}
)
_TABLES = (b"stco", b"co64")


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


@dataclass(frozen=True)
class BoxSpan:
    """A box in a file: its path, extent [start, end) and start of its body."""

    path: tuple[bytes, ...]
    start: int
    body: int
    end: int


def boxes(data: bytes, at: int = 0, end: int | None = None, path: tuple[bytes, ...] = ()) -> list[BoxSpan]:
    """Returns every box of a file, children after their container; stops at bytes that are not a box."""
    found = []
    end = len(data) if end is None else end
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            body = at + 16
        if size < 8 or at + size > end:
            break
        span = BoxSpan((*path, kind), at, body, at + size)
        found.append(span)
        if kind in CONTAINERS:
            found += boxes(data, body, at + size, span.path)
        elif kind == b"meta":
            skip = 0 if data[body + 4 : body + 8] in {b"hdlr", b"keys"} else 4
            found += boxes(data, body + skip, at + size, span.path)
        elif kind == b"stsd":
            found += boxes(data, body + 8, at + size, span.path)
        at += size
    return found


def insert_bytes(data: bytes, at: int, extra: bytes, *, within: tuple[BoxSpan, ...] = ()) -> bytes:
    """Inserts `extra` at byte `at`, increases the sizes of the boxes `within` and adjusts chunk offsets."""
    out = bytearray(data)
    for span in within:
        wide = out[span.start : span.start + 4] == b"\0\0\0\1"
        size = span.end - span.start + len(extra)
        if wide:
            struct.pack_into(">Q", out, span.start + 8, size)
        else:
            struct.pack_into(">I", out, span.start, size)
    for span in boxes(data):
        if span.path[-1] in _TABLES:
            kind = ">u8" if span.path[-1] == b"co64" else ">u4"
            old = np.frombuffer(data[span.body + 8 : span.end], kind).astype(np.int64)
            new = np.where(old >= at, old + len(extra), old)
            out[span.body + 8 : span.end] = new.astype(kind).tobytes()
    out[at:at] = extra
    return bytes(out)


def enclosing(data: bytes, span: BoxSpan) -> tuple[BoxSpan, ...]:
    """Returns the box and the boxes that contain it."""
    return tuple(each for each in boxes(data) if each.start <= span.start and span.end <= each.end)


def append_to_box(data: bytes, path: tuple[bytes, ...], extra: bytes) -> bytes:
    """Appends `extra` to the first box with this path; adjusts the sizes of the enclosing boxes."""
    span = next(each for each in boxes(data) if each.path == path)
    return insert_bytes(data, span.end, extra, within=enclosing(data, span))


def add_track(data: bytes, handler: bytes, kind: bytes, payload: bytes) -> bytes:
    """Adds a track whose only sample is the payload, in an mdat at the end of the file."""
    moov = next(each for each in boxes(data) if each.path == (b"moov",))
    mvhd = next(each for each in boxes(data) if each.path[-1] == b"mvhd")
    timescale, duration = struct.unpack_from(">II", data, mvhd.body + 12)
    stbl = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), box(kind, bytes(6), b"\0\1")),
        box(b"stts", struct.pack(">IIII", 0, 1, 1, duration)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)),
        box(b"stsz", struct.pack(">IIII", 0, 0, 1, len(payload))),
        box(b"stco", struct.pack(">III", 0, 1, 0)),
    )
    info = box(
        b"minf",
        box(b"nmhd", bytes(4)),
        box(b"dinf", box(b"dref", struct.pack(">II", 0, 1), box(b"url ", b"\0\0\0\1"))),
        stbl,
    )
    mdhd = box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, timescale, duration, 0x55C4, 0))
    mdia = box(b"mdia", mdhd, box(b"hdlr", bytes(8), handler, bytes(12), b"data\0"), info)
    matrix = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    tkhd = box(b"tkhd", struct.pack(">IIIIII", 7, 0, 0, 77, 0, duration), bytes(16), matrix, bytes(8))
    out = insert_bytes(data, moov.end, box(b"trak", tkhd, mdia), within=(moov,))
    stco = out.rindex(b"stco", 0, moov.end + len(tkhd) + len(mdia) + 8)
    offset = struct.pack(">I", len(out) + 8)
    out = out[: stco + 12] + offset + out[stco + 16 :]
    return out + box(b"mdat", payload)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
