"""Spherical video metadata: reads it from a track, and scales it for renditions.

The renditions of an equirectangular source have both versions of the metadata, because players and tools
support one or the other (google/spatial-media: V2 takes precedence if a player supports both).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from typing import Final

from eddyline.core.errors import FormatError
from eddyline.mp4.boxes import Box, make_box, make_full_box
from eddyline.mp4.entries.spherical import v1_box, v2_boxes
from eddyline.mp4.movie import Track

EQUIRECTANGULAR, HALF_EQUIRECTANGULAR = "equirectangular", "half-equirectangular"
CUBEMAP, MESH, OTHER = "cubemap", "mesh", "other"
RECTANGULAR = "rectangular"  # stereo video that is not spherical
_FULL = 1 << 32  # bounds are fractions of the projection as 0.32 fixed point
_TOLERANCE = _FULL >> 8
_PROJECTIONS = {"equi": EQUIRECTANGULAR, "cbmp": CUBEMAP, "mshp": MESH}
_STEREO_MODES = {"mono": 0, "top-bottom": 1, "left-right": 2}
# V1 tags in pixels, and their axis (0: horizontal, 1: vertical).
_PIXEL_TAGS = {
    b"FullPanoWidthPixels": 0,
    b"FullPanoHeightPixels": 1,
    b"CroppedAreaImageWidthPixels": 0,
    b"CroppedAreaImageHeightPixels": 1,
    b"CroppedAreaLeftPixels": 0,
    b"CroppedAreaTopPixels": 1,
}
_PIXELS = re.compile(rb"(<GSpherical:(" + b"|".join(_PIXEL_TAGS) + rb")>\s*)(\d{1,6})(\s*</)")
_SOURCE = b"Eddyline"


@dataclass(frozen=True, kw_only=True)
class SphericalMetadata:
    """The spherical metadata of a video track.

    `projection` is one of this module's constants. `stereo` is the stereo mode as in st3d (0: mono, 1: top
    and bottom, 2: left and right). `bounds` are the parts of the sphere that are missing at the top, bottom,
    left and right of a frame, as fractions of 1 << 32. `v1` are RDF/XML documents, `v2` whole boxes.
    """

    projection: str
    stereo: int
    bounds: tuple[int, int, int, int]
    v1: tuple[bytes, ...]
    v2: tuple[bytes, ...]


WHOLE_SPHERE: Final = SphericalMetadata(
    projection=EQUIRECTANGULAR, stereo=0, bounds=(0, 0, 0, 0), v1=(), v2=()
)
"""The metadata of a whole sphere that was projected to an equirectangular frame."""


def read_spherical(track: Track) -> SphericalMetadata | None:
    """The projection and stereo mode of a video track; None for ordinary video."""
    v1 = tuple(box[24:] for box in track.spherical)
    v2 = v2_boxes(track.stsd)
    boxes = {bytes(box[4:8]).decode("latin-1"): box for box in v2}
    stereo = (boxes.get("st3d", b"")[12:13] or b"\0")[0]  # after version and flags
    if "sv3d" in boxes:
        kind, bounds = _projection(boxes["sv3d"])
    elif v1 and _text(v1[0], b"Spherical").lower() in {b"true", b""}:
        stereo = _STEREO_MODES.get(_text(v1[0], b"StereoMode").decode("latin-1").lower(), 0)
        named = _text(v1[0], b"ProjectionType").decode("latin-1").lower()
        kind, bounds = (named if named in _PROJECTIONS.values() else OTHER), _v1_bounds(v1[0])
    elif stereo:
        kind, bounds = RECTANGULAR, (0, 0, 0, 0)
    else:
        return None
    return SphericalMetadata(projection=_refine(kind, bounds), stereo=stereo, bounds=bounds, v1=v1, v2=v2)


def rendition_metadata(
    found: SphericalMetadata, source: tuple[int, int], rung: tuple[int, int]
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """(boxes of trak, boxes of the sample entry) for a rendition of size `rung` of a source of size `source`.

    Bounds are relative and unchanged; values in pixels (V1, cubemaps) are scaled. If an equirectangular
    source has only one version of the metadata, the other is derived from it.
    """
    factors = (Fraction(rung[0], source[0]), Fraction(rung[1], source[1]))
    v1 = tuple(_scaled(xml, factors) for xml in found.v1)
    v2 = tuple(_scale_padding(box, factors[0]) for box in found.v2)
    if found.projection in {EQUIRECTANGULAR, HALF_EQUIRECTANGULAR}:
        v1 = v1 or (_v1_from(found, rung),)
        v2 = v2 or _v2_from(found)
    return tuple(v1_box(xml) for xml in v1), v2


def video_layout(found: SphericalMetadata) -> str | None:
    """The entry of HLS's REQ-VIDEO-LAYOUT (draft-pantos-hls-rfc8216bis section 4.4.6.2); None without one."""
    projection = {EQUIRECTANGULAR: "PROJ-EQUI", HALF_EQUIRECTANGULAR: "PROJ-HEQU"}.get(found.projection)
    if projection is None:
        return None
    return f"CH-STEREO/{projection}" if found.stereo in {1, 2} else projection


def _projection(sv3d: bytes) -> tuple[str, tuple[int, int, int, int]]:
    nothing = (0, 0, 0, 0)
    try:
        proj = _box(sv3d).find("proj")
        for box in () if proj is None else proj.children():
            if box.kind in _PROJECTIONS:
                fields = box.fields()
                fields.read_version()
                top, bottom, left, right = fields.unpack("4I") if box.kind == "equi" else nothing
                return _PROJECTIONS[box.kind], (top, bottom, left, right)
    except FormatError:
        return OTHER, nothing
    return OTHER, nothing


def _refine(kind: str, bounds: tuple[int, int, int, int]) -> str:
    """Half an equirectangular sphere has its own projection; other parts of it are not a known projection."""
    if kind != EQUIRECTANGULAR or bounds == (0, 0, 0, 0):
        return kind
    top, bottom, left, right = bounds
    half = (
        top + bottom < _TOLERANCE
        and abs(left - right) < _TOLERANCE
        and abs(left + right - _FULL // 2) < _TOLERANCE
    )
    return HALF_EQUIRECTANGULAR if half else OTHER


def _v1_bounds(xml: bytes) -> tuple[int, int, int, int]:
    """The bounds from V1's pixel tags; all zero if the tags are missing or inconsistent."""
    numbers = {name: int(value) for _, name, value, _ in _PIXELS.findall(xml)}
    if set(_PIXEL_TAGS) - set(numbers):
        return 0, 0, 0, 0
    full = numbers[b"FullPanoWidthPixels"], numbers[b"FullPanoHeightPixels"]
    shown = numbers[b"CroppedAreaImageWidthPixels"], numbers[b"CroppedAreaImageHeightPixels"]
    left, top = numbers[b"CroppedAreaLeftPixels"], numbers[b"CroppedAreaTopPixels"]
    right, bottom = full[0] - left - shown[0], full[1] - top - shown[1]
    if min(*full, right, bottom) < 0 or not all(full):
        return 0, 0, 0, 0
    vertical = [min(side * _FULL // full[1], _FULL - 1) for side in (top, bottom)]
    across = [min(side * _FULL // full[0], _FULL - 1) for side in (left, right)]
    return vertical[0], vertical[1], across[0], across[1]


def _text(xml: bytes, tag: bytes) -> bytes:
    found = re.search(rb"<GSpherical:" + tag + rb">\s*([^<]{0,64}?)\s*</", xml)
    return found[1] if found else b""


def _scaled(xml: bytes, factors: tuple[Fraction, Fraction]) -> bytes:
    """V1 metadata with its pixel values scaled to the rendition."""

    def scaled(match: re.Match[bytes]) -> bytes:
        pixels = round(int(match[3]) * factors[_PIXEL_TAGS[match[2]]])
        return match[1] + str(pixels).encode() + match[4]

    return _PIXELS.sub(scaled, xml)


def _scale_padding(box: bytes, factor: Fraction) -> bytes:
    """sv3d with the padding around a cubemap's faces, which is in pixels, scaled."""
    if box[4:8] != b"sv3d":
        return box
    out = bytearray(box)
    for inner in _walk(_box(box)):
        if inner.kind == "cbmp" and len(inner.body) >= 12:  # noqa: PLR2004 - version and flags, layout, padding
            (padding,) = struct.unpack_from(">I", inner.body, 8)
            struct.pack_into(">I", out, inner.offset + 8, min(round(padding * factor), _FULL - 1))
    return bytes(out)


def _walk(sv3d: Box) -> Iterator[Box]:
    try:
        proj = sv3d.find("proj")
        yield from () if proj is None else proj.children()
    except FormatError:
        return


def _v1_from(found: SphericalMetadata, rung: tuple[int, int]) -> bytes:
    """V1 metadata of an equirectangular video of size `rung`."""
    top, bottom, left, right = (Fraction(bound, _FULL) for bound in found.bounds)
    tags = {"Spherical": "true", "Stitched": "true", "StitchingSoftware": _SOURCE.decode()}
    tags["ProjectionType"] = EQUIRECTANGULAR
    stereo = next((name for name, number in _STEREO_MODES.items() if number == found.stereo), "mono")
    if stereo != "mono":
        tags["StereoMode"] = stereo
    if any(found.bounds):
        full = round(rung[0] / (1 - left - right)), round(rung[1] / (1 - top - bottom))
        tags |= {
            "FullPanoWidthPixels": str(full[0]),
            "FullPanoHeightPixels": str(full[1]),
            "CroppedAreaImageWidthPixels": str(rung[0]),
            "CroppedAreaImageHeightPixels": str(rung[1]),
            "CroppedAreaLeftPixels": str(round(full[0] * left)),
            "CroppedAreaTopPixels": str(round(full[1] * top)),
        }
    lines = (
        f"<GSpherical:{name}>{escape(value, quote=False)}</GSpherical:{name}>" for name, value in tags.items()
    )
    return (
        '<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        f'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">{"".join(lines)}</rdf:SphericalVideo>'
    ).encode()


def _v2_from(found: SphericalMetadata) -> tuple[bytes, ...]:
    """V2 metadata of an equirectangular video without rotation."""
    equi = make_full_box("equi", 0, 0, struct.pack(">4I", *found.bounds))
    proj = make_box("proj", make_full_box("prhd", 0, 0, bytes(12)) + equi)
    sv3d = make_box("sv3d", make_full_box("svhd", 0, 0, _SOURCE + b"\0") + proj)
    return make_full_box("st3d", 0, 0, bytes([found.stereo])), sv3d


def _box(raw: bytes) -> Box:
    """A whole box, whose offset is that of its body within `raw`."""
    kind = raw[4:8].decode("latin-1")
    return Box(kind=kind, raw=memoryview(raw), body=memoryview(raw)[8:], offset=8, path=kind)
