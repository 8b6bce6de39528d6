"""Finds geographic coordinates in bytes and text, in the forms that cameras, phones and programs write.

| form | example | written by |
|---|---|---|
| ISO 6709 | +47.3769+008.5417+408.0/ | QuickTime, Android, GoPro |
| NMEA 0183 | $GPRMC,161313.00,A,4722.6140,N,00832.5020,E | dash cams |
| tag names | GPSLatitude, location.ISO6709, photoshop:City | XMP, EXIF, phones |
| decimal degrees | GPS(8.5417,47.3769,19), lat: 47.3769 lon: 8.5417 | drone subtitles |
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_ISO_6709: Final = re.compile(
    rb"([+-]\d{2}(?:\d{2}){0,2}(?:\.\d+)?)([+-]\d{3}(?:\d{2}){0,2}(?:\.\d+)?)(?:[+-]\d+(?:\.\d+)?)?(/?)"
)
_NMEA: Final = re.compile(
    rb"\$(?:G[ABILNPQ]|BD|QZ)(?:RMC|GGA|GLL|GNS)[^$\r\n]{0,24}?,(\d{2})(\d{2}\.\d+),([NS]),(\d{3})(\d{2}\.\d+),([EW])"
)
_SENTENCE: Final = re.compile(rb"\$(?:G[ABILNPQ]|BD|QZ)(?:RMC|GGA|GLL|GNS|VTG|GSA|GSV|ZDA),")
_NAMES: Final = re.compile(
    rb"GPS[ _:]?(?:Lat|Long|Alt|Pos|Dest|Track|Img|Speed|Info|Coord|Map|Date|Time)"
    rb"|GPS ?[:(]|GPSData|(?i:latitude|longitude)"
    rb"|location\.(?:ISO6709|lat|long|name|body|accuracy)"
    rb"|photoshop:(?:City|State|Country)"
    rb"|Iptc4xmp\w+:(?:City|Location|CountryName|ProvinceState|Sublocation)"
    rb"|xmpDM:shotLocation"
)
_DECIMAL: Final = re.compile(rb"(?<![\d.+-])([+-]?\d{1,3}\.\d{4,12})(?![\d.])")
_DEGREES: Final = re.compile(rb"\d{1,3} ?(?:\xb0|\xc2\xb0|deg) ?\d{1,2}")
_MAX_GAP: Final = 48  # bytes between the two numbers of one pair
_LATITUDE: Final = 90.0
_LONGITUDE: Final = 180.0
_PLAIN: Final = re.compile(r"[A-Za-z0-9 ._()+/,:&-]{1,64}")
_MIN_TEXT: Final = 8
# Maps both signs to one byte, all digits to another and everything else to zero.
_SHAPE: Final = bytes(0x2B if each in b"+-" else 0x30 if each in b"0123456789" else 0 for each in range(256))


@dataclass(frozen=True, kw_only=True)
class Position:
    """A position in degrees, north and east positive."""

    latitude: float
    longitude: float

    @property
    def distinctive(self) -> bool:
        """Whether its digits are distinctive: neither coordinate is small or a round number."""
        return all(abs(each) >= 1 and abs(each * 100 - round(each * 100)) > 1e-3 for each in self)  # noqa: PLR2004 - degrees

    def __iter__(self) -> Iterator[float]:
        yield from (self.latitude, self.longitude)

    def texts(self) -> tuple[bytes, bytes]:
        """The leading digits of both coordinates, with three decimals."""
        return (_digits(self.latitude), _digits(self.longitude))

    def encodings(self) -> Iterator[bytes]:
        """The pair as doubles, floats and integers (degrees x 10^7), in both byte orders and both orders."""
        for first, second in ((self.latitude, self.longitude), (self.longitude, self.latitude)):
            scaled = [round(each * 10_000_000) for each in (first, second)]
            for order in "><":
                yield struct.pack(f"{order}dd", first, second)
                yield struct.pack(f"{order}ff", first, second)
                yield struct.pack(f"{order}ii", *scaled)


def _digits(degrees: float) -> bytes:
    whole = int(abs(degrees) * 1000 + 1e-6)
    return f"{whole // 1000}.{whole % 1000:03}".encode()


def contains_location(data: bytes) -> bool:
    """Whether the bytes contain coordinates as text, or the name of a tag for them."""
    return contains_coordinates(data) or _NAMES.search(data) is not None


def contains_coordinates(data: bytes) -> bool:
    """Whether the bytes, also of encoded video or audio, contain an NMEA sentence or ISO 6709 coordinates.

    Both are too long to occur by chance. Searches some hundred megabytes per second.
    """
    return _SENTENCE.search(data) is not None or next(_iso_6709(data), None) is not None


def _iso_6709(data: bytes) -> Iterator[re.Match[bytes]]:
    """ISO 6709 coordinates: matched wherever a sign and two digits follow each other."""
    shape = data.translate(_SHAPE)
    at = shape.find(b"+00")
    while at >= 0:
        found = _ISO_6709.match(data, at)
        if found is not None and (found[3] == b"/" or (b"." in found[1] and b"." in found[2])):
            yield found
        at = shape.find(b"+00", at + 1)


def is_plain_name(text: str) -> bool:
    """Whether a text is a plausible maker, program or version name: short and without coordinates."""
    data = text.encode("latin-1", "replace")
    if not text:
        return True
    return (
        _PLAIN.fullmatch(text) is not None
        and not contains_location(data)
        and _DECIMAL.search(data) is None
        and _DEGREES.search(data) is None
    )


def is_ascii_text(data: bytes) -> bool:
    """Whether bytes that should be numbers are ASCII text of 8 characters or more."""
    body = data.rstrip(b"\0")
    return len(body) >= _MIN_TEXT and all(0x20 <= byte < 0x7F for byte in body)  # noqa: PLR2004 - ASCII


def find_positions(data: bytes, limit: int = 16) -> tuple[Position, ...]:
    """Up to `limit` positions that the bytes contain as text."""
    found: dict[Position, None] = {}
    for position in _all_positions(data):
        if position.distinctive:
            found.setdefault(position)
        if len(found) >= limit:
            break
    return tuple(found)


def _all_positions(data: bytes) -> Iterator[Position]:
    for found in _NMEA.finditer(data):
        latitude = (int(found[1]) + float(found[2]) / 60) * (-1 if found[3] == b"S" else 1)
        longitude = (int(found[4]) + float(found[5]) / 60) * (-1 if found[6] == b"W" else 1)
        yield from _valid(latitude, longitude)
    for found in _iso_6709(data):
        yield from _valid(_degrees(found[1], 2), _degrees(found[2], 3))
    numbers = list(_DECIMAL.finditer(data))
    for first, second in pairwise(numbers):
        if second.start() - first.end() <= _MAX_GAP:
            one, other = float(first[1]), float(second[1])
            yield from _valid(one, other)
            yield from _valid(other, one)


def _degrees(text: bytes, digits: int) -> float:
    """Degrees, minutes and seconds without separators (ISO 6709 annex H), by the number of digits."""
    sign = -1 if text[:1] == b"-" else 1
    whole, _, fraction = text[1:].partition(b".")
    parts = [float(whole[:digits]), *(float(whole[at : at + 2]) for at in range(digits, len(whole), 2))]
    if fraction:
        parts[-1] += float(b"0." + fraction)
    return float(sign * sum(part / 60.0**place for place, part in enumerate(parts)))


def _valid(latitude: float, longitude: float) -> Iterator[Position]:
    if abs(latitude) <= _LATITUDE and abs(longitude) <= _LONGITUDE:
        yield Position(latitude=latitude, longitude=longitude)


def distinct_positions(found: Iterable[Position], limit: int) -> tuple[Position, ...]:
    """The first `limit` positions that differ in their leading digits."""
    kept: dict[tuple[bytes, bytes], Position] = {}
    for position in found:
        kept.setdefault(position.texts(), position)
        if len(kept) >= limit:
            break
    return tuple(kept.values())
