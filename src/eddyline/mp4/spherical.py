"""Boxes of spherical and stereoscopic video: where they are read from and written to.

Spherical Video V1 is a uuid box with RDF/XML in trak; V2 is the boxes st3d (stereo layout) and sv3d
(projection) in the visual sample entry (google/spatial-media, `docs/spherical-video-rfc.md` and
`spherical-video-v2-rfc.md`).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from uuid import UUID

from eddyline.mp4.boxes import Box
from eddyline.mp4.errors import Mp4Error

V1: bytes = UUID("ffcc8263-f855-4a93-8814-587a02521fdd").bytes
V2_KINDS = ("st3d", "sv3d")
_VISUAL_FIELDS = 78
_LARGEST = 1 << 20  # bytes of XML, or of a mesh
_TABLE_FIELDS = 8


def spherical_boxes(trak: Box) -> tuple[bytes, ...]:
    """The V1 uuid boxes of a trak box, whole and with 32-bit sizes; those over 1 MiB are passed over."""
    return tuple(
        v1_box(bytes(box.body))
        for box in trak.children()
        if box.kind == "uuid" and user_type(box) == V1 and len(box.body) <= _LARGEST
    )


def v1_box(xml: bytes) -> bytes:
    """The uuid box around this RDF/XML."""
    return struct.pack(">I4s", 24 + len(xml), b"uuid") + V1 + xml


def user_type(box: Box) -> bytes:
    """The 16 bytes that identify a uuid box."""
    end = len(box.raw) - len(box.body)
    return bytes(box.raw[end - 16 : end])


def v2_boxes(stsd: bytes) -> tuple[bytes, ...]:
    """st3d and sv3d of the first visual sample entry of a whole stsd box, each whole; those over 1 MiB not.

    Empty where the entry cannot be read beyond its fixed fields, as QuickTime allows.
    """
    entry = next(_table(stsd).children(_TABLE_FIELDS), None)
    if entry is None or len(entry.body) <= _VISUAL_FIELDS:
        return ()
    try:
        found = {box.kind: box for box in entry.children(_VISUAL_FIELDS) if box.kind in V2_KINDS}
    except Mp4Error:
        return ()
    return tuple(
        _box(kind, bytes(found[kind].body))
        for kind in V2_KINDS
        if kind in found and len(found[kind].body) <= _LARGEST
    )


def with_v2(stsd: bytes, boxes: Sequence[bytes]) -> bytes:
    """A whole stsd box of visual sample entries with these boxes at the end of each, in place of its own."""
    if not boxes:
        return stsd
    entries = []
    for entry in _table(stsd).children(_TABLE_FIELDS):
        kept = [bytes(box.raw) for box in entry.children(_VISUAL_FIELDS) if box.kind not in V2_KINDS]
        entries.append(_box(entry.kind, b"".join((bytes(entry.body[:_VISUAL_FIELDS]), *kept, *boxes))))
    return _box("stsd", b"".join((stsd[8:16], *entries)))


def _table(stsd: bytes) -> Box:
    return Box(kind="stsd", raw=memoryview(stsd), body=memoryview(stsd)[8:], offset=8, path="stsd")


def _box(kind: str, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind.encode("latin-1")) + body
