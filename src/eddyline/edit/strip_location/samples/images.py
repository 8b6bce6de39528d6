"""Removes metadata from JPEG and PNG images: only the data needed to decode the pixels is kept.

JPEG (ITU-T T.81 annex B): tables, frames and scans, JFIF without its thumbnail, Adobe's colour transform and
the AVI1 field marker are kept. PNG (ISO/IEC 15948 section 11): the chunks of `_PNG_CHUNKS` are kept.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_SOI, _EOI, _SOS, _COM, _TEM = 0xD8, 0xD9, 0xDA, 0xFE, 0x01
_RESTART: Final = range(0xD0, 0xD8)
_APPLICATION: Final = range(0xE0, 0xF0)
# Application segments that affect decoding: marker -> (prefix, bytes kept).
_JFIF: Final = b"JFIF\0"
_APP_KEPT: Final = {0xE0: ((_JFIF, 12), (b"AVI1", 14)), 0xEE: ((b"Adobe", 12),)}
_JPEG_EXTENSION: Final = frozenset({0xF0, 0xFD})
_SEGMENTS: Final = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF} | set(range(0xC0, 0xD0)) - {0xC8})
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNKS: Final = frozenset(b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB sBIT pHYs bKGD cICP".split())
_LONGEST_CHUNK: Final = 1024  # bytes of a chunk other than pixels and palette


class ImageError(ValueError):
    """Bytes that are not a valid image of the stated format."""


def remove_image_metadata(image: bytes, kind: str) -> bytes:
    """Returns a "jpeg" image (or several, as in interlaced Motion JPEG) or a "png" image without metadata.

    Bytes after its end are removed. Raises `ImageError` if the image is invalid or truncated.
    """
    return b"".join(_png(image) if kind == "png" else _jpegs(image))


def _jpegs(data: bytes) -> Iterator[bytes]:
    at = 0
    while data[at : at + 2] == b"\xff\xd8" or at == 0:
        parts, at = _jpeg(data, at)
        yield from parts


def _jpeg(data: bytes, at: int) -> tuple[list[bytes], int]:
    """Returns the kept parts of the image that starts at `at`, and its end."""
    if data[at : at + 2] != b"\xff\xd8":
        raise ImageError("the SOI marker is missing")
    out = [data[at : at + 2]]
    at += 2
    while True:
        while data[at : at + 2] == b"\xff\xff":  # fill bytes
            at += 1
        if len(data) - at < 2 or data[at] != 0xFF:  # noqa: PLR2004 - a marker
            raise ImageError("a marker is missing")
        marker = data[at + 1]
        if marker == _EOI:
            out.append(data[at : at + 2])
            return out, at + 2
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if length < 2 or len(body) != length - 2:  # noqa: PLR2004 - the length counts itself
            raise ImageError("a segment is longer than the image")
        at += 2 + length
        out.append(_segment(marker, body))
        if marker == _SOS:
            end = _scan_end(data, at)
            out.append(data[at:end])
            at = end


def _segment(marker: int, body: bytes) -> bytes:
    """Returns the segment as it is written; empty for metadata and comments."""
    if marker in _APPLICATION:
        for prefix, size in _APP_KEPT.get(marker, ()):
            if body.startswith(prefix):
                kept = body[:size] + (b"\0\0" if prefix == _JFIF else b"")
                return struct.pack(">BBH", 0xFF, marker, 2 + len(kept)) + kept
        return b""
    if marker == _COM:
        return b""
    if marker not in _SEGMENTS and marker != _SOS:
        raise ImageError(f"unknown segment {marker:#x}")
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


def _scan_end(data: bytes, at: int) -> int:
    """Returns the end of the entropy-coded data: the next marker that is neither stuffing nor a restart."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise ImageError("the image is truncated")
        following = data[at + 1]
        if following == 0xFF:  # noqa: PLR2004 - a fill byte
            at += 1
        elif following == 0 or following in _RESTART:
            at += 2
        else:
            return at


def _png(data: bytes) -> Iterator[bytes]:
    if not data.startswith(_SIGNATURE):
        raise ImageError("the PNG signature is missing")
    yield _SIGNATURE
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        if kind in _PNG_CHUNKS and (kind in {b"IDAT", b"PLTE"} or length <= _LONGEST_CHUNK):
            yield data[at:end]
        if kind == b"IEND":
            return
        at = end
    raise ImageError("the image is truncated")
