"""Silence in the coding of an uncompressed or companded audio track."""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.mp4.movie import Track

# A-law and mu-law (ITU-T G.711): the code words of the smallest positive value.
_COMPANDED = {"alaw": 0xD5, "ulaw": 0xFF, "ms\0\x06": 0xD5, "ms\0\x07": 0xFF}
_UNSIGNED_8_BIT = frozenset({"raw ", "NONE"})  # QuickTime File Format, "Sound Sample Descriptions"


@dataclass(frozen=True, kw_only=True)
class Silence:
    """`size` bytes of one `value`, with the interface of a file."""

    size: int
    value: int = 0

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes of the value."""
        return bytes([self.value]) * max(min(length, self.size - offset), 0)


def make_silence(track: Track, size: int) -> Silence:
    """`size` bytes of silence for this track."""
    one_byte = track.unit_bytes == max(track.channels, 1)
    value = 0x80 if track.format in _UNSIGNED_8_BIT and one_byte else _COMPANDED.get(track.format, 0)
    return Silence(size=size, value=value)
