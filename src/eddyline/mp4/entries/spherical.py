"""Reads and writes the boxes of spherical and stereoscopic video.

Spherical Video V1 is a uuid box with RDF/XML in trak. V2 is the boxes st3d (stereo layout) and sv3d
(projection) in the visual sample entry (google/spatial-media, `docs/spherical-video-rfc.md` and
`spherical-video-v2-rfc.md`).
"""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.mp4.boxes import Box, make_box
from eddyline.mp4.entries.visual_entry import entry_boxes, with_entry_boxes

V1: bytes = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
V2_KINDS = ("st3d", "sv3d")
_LARGEST = 1 << 20  # bytes of XML, or of a mesh


def spherical_boxes(trak: Box) -> tuple[bytes, ...]:
    """The V1 uuid boxes of a trak box, complete and with 32-bit sizes; those over 1 MiB are ignored."""
    return tuple(
        v1_box(bytes(box.body))
        for box in trak.children()
        if box.kind == "uuid" and user_type(box) == V1 and len(box.body) <= _LARGEST
    )


def v1_box(xml: bytes) -> bytes:
    """The uuid box that contains this RDF/XML."""
    return make_box("uuid", V1 + xml)


def user_type(box: Box) -> bytes:
    """The 16 bytes that identify a uuid box."""
    end = len(box.raw) - len(box.body)
    return bytes(box.raw[end - 16 : end])


def v2_boxes(stsd: bytes) -> tuple[bytes, ...]:
    """The complete st3d and sv3d boxes of the first visual sample entry of an stsd box; none over 1 MiB."""
    found = {box.kind: bytes(box.body) for box in entry_boxes(stsd) if len(box.body) <= _LARGEST}
    return tuple(make_box(kind, found[kind]) for kind in V2_KINDS if kind in found)


def without_v2(stsd: bytes) -> bytes:
    """A complete stsd box without st3d and sv3d."""
    return with_entry_boxes(stsd, (), without=V2_KINDS.__contains__) if v2_boxes(stsd) else stsd


def with_v2(stsd: bytes, boxes: Sequence[bytes]) -> bytes:
    """A complete stsd box with these boxes in its visual sample entries, replacing their st3d and sv3d."""
    return with_entry_boxes(stsd, boxes, without=V2_KINDS.__contains__) if boxes else stsd
