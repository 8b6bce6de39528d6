"""The OBUs of AV1 samples (AV1 bitstream specification, sections 4.10.5 and 5.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

SEQUENCE_HEADER, METADATA = 1, 5
FRAMES: Final = frozenset({3, 6})
"""The types of OBUs that contain or start a frame: frame header, and frame."""
_EXTENSION, _HAS_SIZE = 4, 2
_LEB128_BYTES: Final = 8


def split_obus(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (type, payload) of each OBU; the payload of the last one may be cut. Ends at invalid data."""
    at = 0
    while at < len(data):
        header = data[at]
        at += 2 if header & _EXTENSION else 1
        length = len(data) - at
        if header & _HAS_SIZE:
            length, at = _read_leb128(data, at)
        if header & 0x81 or length < 0:
            return
        yield header >> 3 & 15, data[at : at + length]
        at += length


def make_metadata_obu(kind: int, payload: bytes) -> bytes:
    """A metadata OBU of this metadata_type (at most 126 bytes of payload), with trailing bits."""
    body = bytes([kind]) + payload + b"\x80"
    return bytes([METADATA << 3 | _HAS_SIZE, len(body)]) + body


def _read_leb128(data: bytes, at: int) -> tuple[int, int]:
    """The value at `at` and the position after it; -1 if it is cut or too long."""
    total = 0
    for index, byte in enumerate(data[at : at + _LEB128_BYTES]):
        total |= (byte & 127) << 7 * index
        if not byte & 128:
            return total, at + index + 1
    return -1, len(data)
