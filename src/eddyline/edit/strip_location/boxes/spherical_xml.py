"""Rebuilds the Spherical Video V1 XML packet of a track's uuid box from known elements with valid values."""

from __future__ import annotations

import re
from typing import Final

from eddyline.core.coordinates import is_plain_name

UUID: Final = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
_ELEMENT: Final = re.compile(r"<GSpherical:(\w{1,40})>([^<>]{0,64})</GSpherical:\1>")
_NUMBER: Final = re.compile(r"-?\d{1,9}")
_VALUES: Final = {
    **dict.fromkeys(("Spherical", "Stitched"), re.compile("(?i:true|false)")),
    "ProjectionType": re.compile("[a-z_-]{1,24}"),
    "StereoMode": re.compile("[a-z_-]{1,24}"),
    "SourceCount": re.compile(r"\d{1,3}"),
    **dict.fromkeys(
        (
            "CroppedAreaImageWidthPixels",
            "CroppedAreaImageHeightPixels",
            "FullPanoWidthPixels",
            "FullPanoHeightPixels",
            "CroppedAreaLeftPixels",
            "CroppedAreaTopPixels",
            "InitialViewHeadingDegrees",
            "InitialViewPitchDegrees",
            "InitialViewRollDegrees",
        ),
        _NUMBER,
    ),
}
_HEAD: Final = (
    '<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    ' xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">'
)
_TAIL: Final = "</rdf:SphericalVideo>"


def rebuild_packet(packet: bytes) -> bytes:
    """Returns the packet with known elements whose values are valid; empty if there are none."""
    kept = []
    for name, value in _ELEMENT.findall(packet.decode("utf-8", "replace")):
        form = _VALUES.get(name)
        plain = name == "StitchingSoftware" and is_plain_name(value)
        if plain or (form is not None and form.fullmatch(value.strip())):
            kept.append(f"<GSpherical:{name}>{value.strip()}</GSpherical:{name}>")
    return (_HEAD + "".join(kept) + _TAIL).encode() if kept else b""
