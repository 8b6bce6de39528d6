"""Traces of a location in bytes of no known format: coordinates as text, telemetry with positions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eddyline.gpmf.edit.location import POSITIONS

# ISO 6709 (+46.33+013.55/), and the names that XMP, cameras and phones give to coordinates and places.
_TEXT = re.compile(
    rb"[+-]\d{2,6}(?:\.\d+)?[+-]\d{3,7}(?:\.\d+)?(?:[+-]\d+(?:\.\d+)?)?/"
    rb"|GPS(?:Lat|Long|Alt|Position|Dest|Track|Img|Speed)"
    rb"|location\.(?:ISO6709|lat|long|name|body)"
    rb"|photoshop:(?:City|State|Country)|Iptc4xmp\w+:(?:City|Location|CountryName|ProvinceState|Sublocation)"
)
_KEYS = re.compile(b"|".join(sorted(key.encode() for key in POSITIONS | {"GPSU", "GPSF", "GPSP", "GPSA"})))
# Four letters alone turn up by chance in every 4 GB of video; with the type and size they come with, never.
_SHAPES: dict[bytes, frozenset[tuple[bytes, int]]] = {
    b"GPS5": frozenset({(b"l", 20)}),
    b"GPS9": frozenset({(b"?", 32)}),
    b"GPSU": frozenset({(b"U", 16), (b"c", 1), (b"c", 16)}),
    b"GPSF": frozenset({(b"L", 4)}),
    b"GPSP": frozenset({(b"S", 2)}),
    b"GPSA": frozenset({(b"F", 4)}),
}
LONGEST = 64  # bytes that one trace takes at most: how far blocks must overlap


def says_where(data: bytes) -> bool:
    """Whether a location can be found in the bytes."""
    return _TEXT.search(data) is not None or next(positions(data), None) is not None


def positions(data: bytes) -> Iterator[int]:
    """Where a KLV of positions begins: its key, with a type and size that it is written with."""
    for found in _KEYS.finditer(data):
        at = found.start()
        if at + 8 > len(data):
            return
        shape = (data[at + 4 : at + 5], data[at + 5])
        shapes = _SHAPES.get(found.group())
        if shape in shapes if shapes is not None else shape[0] == b"?" and shape[1] > 0:
            yield at
