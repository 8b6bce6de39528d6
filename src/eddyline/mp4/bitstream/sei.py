"""SEI messages of H.264 and HEVC (ITU-T H.264 section 7.3.2.3.1, H.265 section 7.3.5)."""

from __future__ import annotations

from typing import Final

SEI: Final = {"h264": frozenset({6}), "hevc": frozenset({39, 40})}
"""The NAL unit types of SEI (HEVC: prefix and suffix), by codec."""
SEI_HEADER: Final = {"h264": 1, "hevc": 2}
"""The bytes of a NAL unit's header, by codec."""
_STOP: Final = 0x80
_CONTINUED: Final = 0xFF


def parse_sei_messages(data: bytes) -> list[tuple[int, bytes]]:
    """Returns (type, payload) of each message in an unescaped SEI payload. Raises `ValueError` if invalid."""
    found: list[tuple[int, bytes]] = []
    at = 0
    end = len(data.rstrip(b"\0"))
    while at < end - 1 or (at < end and data[at] != _STOP):
        kind, at = _read_value(data, at)
        size, at = _read_value(data, at)
        if at + size > len(data):
            raise ValueError("a message is longer than its unit")
        found.append((kind, data[at : at + size]))
        at += size
        end = max(end, at)
    return found


def encode_sei_messages(messages: list[tuple[int, bytes]]) -> bytes:
    """The payload of a SEI unit of these messages, with trailing bits and without emulation prevention."""
    written = [_encode_value(kind) + _encode_value(len(body)) + body for kind, body in messages]
    return b"".join((*written, bytes([_STOP])))


def _read_value(data: bytes, at: int) -> tuple[int, int]:
    """Returns a value coded as a sum of bytes, the last one below 255, and the position after it."""
    total = 0
    while True:
        if at >= len(data):
            raise ValueError("a value is truncated")
        total += data[at]
        at += 1
        if data[at - 1] != _CONTINUED:
            return total, at


def _encode_value(value: int) -> bytes:
    return bytes([_CONTINUED]) * (value // _CONTINUED) + bytes([value % _CONTINUED])
