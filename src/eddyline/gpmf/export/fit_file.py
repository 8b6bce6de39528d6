"""FIT files: converts messages of numbered fields to bytes.

Source: "FIT Protocol" (developer.garmin.com/fit/protocol): a header of 14 bytes, definition and data
messages (little-endian here), and a CRC.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_HEADER = struct.Struct("<BBHI4s")
_PROTOCOL, _PROFILE = 0x20, 2160  # 2.0, and the version of the profile (21.60)
_DEFINITION = 0x40
_NIBBLE = (
    *(0x0000, 0xCC01, 0xD801, 0x1400, 0xF001, 0x3C00, 0x2800, 0xE401),
    *(0xA001, 0x6C00, 0x7800, 0xB401, 0x5000, 0x9C01, 0x8801, 0x4400),
)
# Base type by the format character of `struct`: its number, and the invalid value.
_TYPES = {
    "B": (0x02, 0xFF),
    "H": (0x84, 0xFFFF),
    "i": (0x85, 0x7FFFFFFF),
    "I": (0x86, 0xFFFFFFFF),
    "e": (0x00, 0xFF),
}
_STRING = 0x07
_MAX_TEXT = 64


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message type: its global number, and the fields (number, character of `struct`, "e" for an enum)."""

    number: int
    fields: tuple[tuple[int, str], ...]
    text: int | None = None  # the number of the last field if it is a text

    def packer(self) -> struct.Struct:
        """Packs the numbers of one message."""
        return struct.Struct("<B" + "".join("B" if char == "e" else char for _, char in self.fields))


@dataclass
class FitFile:
    """A file under construction."""

    _body: bytearray = field(default_factory=bytearray)
    _defined: int | None = None

    def add(self, kind: Message, *values: int | None, text: str = "") -> None:
        """Add one message; None is the invalid value, as are values outside of their type's range."""
        encoded = text.encode()[:_MAX_TEXT].decode("utf-8", "ignore").encode() + b"\0"
        if self._defined != kind.number or kind.text is not None:
            self._add_definition(kind, len(encoded))
        numbers = [_valid_or_none(value, char) for (_, char), value in zip(kind.fields, values, strict=True)]
        self._body += kind.packer().pack(0, *numbers)
        if kind.text is not None:
            self._body += encoded

    def _add_definition(self, kind: Message, text_size: int) -> None:
        fields = [
            (number, struct.calcsize("<" + _struct_char(char)), _TYPES[char][0])
            for number, char in kind.fields
        ]
        if kind.text is not None:
            fields.append((kind.text, text_size, _STRING))
        self._body += struct.pack("<BBBHB", _DEFINITION, 0, 0, kind.number, len(fields))
        for each in fields:
            self._body += bytes(each)
        self._defined = kind.number

    def __bytes__(self) -> bytes:
        head = _HEADER.pack(14, _PROTOCOL, _PROFILE, len(self._body), b".FIT")
        data = head + struct.pack("<H", crc(head)) + bytes(self._body)
        return data + struct.pack("<H", crc(data))


def _struct_char(char: str) -> str:
    return "B" if char == "e" else char


def _valid_or_none(value: int | None, char: str) -> int:
    none = _TYPES[char][1]
    if value is None:
        return none
    least = -0x80000000 if char == "i" else 0
    return value if least <= value < none else none


def crc(data: bytes) -> int:
    """The protocol's CRC-16."""
    found = 0
    for byte in data:
        for nibble in (byte & 0xF, byte >> 4):
            found = (found >> 4 & 0x0FFF) ^ _NIBBLE[found & 0xF] ^ _NIBBLE[nibble]
    return found
