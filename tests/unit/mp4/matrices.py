"""Writes display matrices, display sizes and boxes to the video track of files written by FFmpeg."""

from __future__ import annotations

import struct
from pathlib import Path

from eddyline.mp4.movie import IDENTITY_MATRIX

EIGHT = {
    "unrotated": (1, 0, 0, 1),
    "rotated by 90": (0, 1, -1, 0),
    "rotated by 180": (-1, 0, 0, -1),
    "rotated by 270": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "flipped": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0),
    "anti-transposed": (0, -1, -1, 0),
}
"""(a, b, c, d) of the orientations that only rotate and mirror."""


def fixed(coefficients: tuple[float, float, float, float]) -> tuple[int, ...]:
    """Returns the nine integers of the matrix with these a, b, c and d."""
    a, b, c, d = (round(value * 0x10000) for value in coefficients)
    return (a, b, 0, c, d, 0, 0, 0, 0x40000000)


def set_matrices(
    path: Path,
    out: Path,
    track: tuple[int, ...] = IDENTITY_MATRIX,
    movie: tuple[int, ...] = IDENTITY_MATRIX,
    *,
    size: tuple[int, int] | None = None,
) -> Path:
    """The file with other matrices in the first tkhd and in mvhd, and optionally another size in tkhd.

    Both boxes must have version 0.
    """
    data = bytearray(path.read_bytes())
    for kind, at, matrix in ((b"tkhd", 44, track), (b"mvhd", 40, movie)):
        struct.pack_into(">9i", data, data.index(kind) + at, *matrix)
    if size is not None:
        struct.pack_into(">II", data, data.index(b"tkhd") + 80, size[0] << 16, size[1] << 16)
    out.write_bytes(data)
    return out


def with_entry_boxes(path: Path, out: Path, *boxes: bytes) -> Path:
    """The file with these boxes appended to its H.264 sample entry; the index must follow the media."""
    return _append_boxes(
        path, out, b"".join(boxes), b"avc1", (b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
    )


def with_track_boxes(path: Path, out: Path, *boxes: bytes) -> Path:
    """The file with these boxes appended to its last trak box; the index must follow the media."""
    return _append_boxes(path, out, b"".join(boxes), b"trak", (b"trak",))


def _append_boxes(path: Path, out: Path, added: bytes, box_type: bytes, parents: tuple[bytes, ...]) -> Path:
    data = bytearray(path.read_bytes())
    if data.index(b"mdat") > data.rindex(b"moov"):
        raise ValueError("the index precedes the media: chunk offsets would become invalid")
    start = data.rindex(box_type) - 4  # the first avc1 is a brand
    end = start + int.from_bytes(data[start : start + 4], "big")
    for kind in (b"moov", *parents):
        at = data.rindex(kind) - 4
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + len(added)).to_bytes(4, "big")
    out.write_bytes(data[:end] + added + data[end:])
    return out
