"""The box SA3D of ambisonic audio (google/spatial-media, `docs/spatial-audio-rfc.md`).

Components are numbered as in AmbiX: 0 is W, then Y, Z, X, and those of higher orders (ACN), normalised to
SN3D. Head-locked stereo, left and right, follows the components.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import isqrt
from typing import Final

from eddyline.core.errors import FormatError
from eddyline.mp4.boxes import Box, make_box, sample_entries

_KIND: Final = "SA3D"
_FIELDS: Final = struct.Struct(">BBIBBI")  # version, type, order, ordering, normalisation, channels
_HEAD_LOCKED: Final = 0x80  # in the type, whose other bits are 0 for periphonic audio
_STEREO: Final = 2
_MAX_ORDER: Final = 30
# Bytes of a sample entry before its boxes, by its version: those of QuickTime have further fields.
_ENTRY_FIELDS: Final = {0: (28,), 1: (44, 28), 2: (64,)}


@dataclass(frozen=True, kw_only=True)
class Ambisonics:
    """The component of each channel, from 0.

    There are (order + 1)² components, and two more with head-locked stereo.
    """

    components: tuple[int, ...]

    @property
    def order(self) -> int:
        """The ambisonic order: 1 for four components."""
        return isqrt(len(self.components)) - 1

    @property
    def has_head_locked_stereo(self) -> bool:
        """Whether the last two components are stereo that does not turn with the listener's head."""
        return (self.order + 1) ** 2 < len(self.components)

    @property
    def is_valid(self) -> bool:
        """Whether there is a channel for each component of a whole order from 1 on, and no other."""
        count, spatial = len(self.components), (self.order + 1) ** 2
        is_whole = count in {spatial, spatial + _STEREO} and 1 <= self.order <= _MAX_ORDER
        return is_whole and sorted(self.components) == list(range(count))


def read_ambisonics(stsd: bytes) -> Ambisonics | None:
    """What SA3D says about the first sample entry; None without a valid box, or in a convention but AmbiX."""
    entry = next(sample_entries(stsd), None)
    if entry is None:
        return None
    version = int.from_bytes(entry.body[8:10], "big")
    for fields in _ENTRY_FIELDS.get(version, ()):
        bodies = [bytes(box.body) for box in _boxes(entry, fields) if box.kind == _KIND]
        if bodies:
            return _parse(bodies[0]) if len(bodies) == 1 else None
    return None


def with_ambisonics(stsd: bytes, found: Ambisonics) -> bytes:
    """A complete stsd box with an SA3D in each audio sample entry, which has none."""
    kind = _HEAD_LOCKED if found.has_head_locked_stereo else 0
    fields = _FIELDS.pack(0, kind, found.order, 0, 0, len(found.components))
    box = make_box(_KIND, fields, struct.pack(f">{len(found.components)}I", *found.components))
    entries = [make_box(entry.kind, bytes(entry.body), box) for entry in sample_entries(stsd)]
    return make_box("stsd", stsd[8:16], *entries)


def _parse(body: bytes) -> Ambisonics | None:
    if len(body) < _FIELDS.size:
        return None
    version, kind, order, ordering, normalisation, channels = _FIELDS.unpack_from(body)
    if version or kind & ~_HEAD_LOCKED or ordering or normalisation or not 1 <= order <= _MAX_ORDER:
        return None
    expected = (order + 1) ** 2 + (_STEREO if kind & _HEAD_LOCKED else 0)
    if channels != expected or len(body) != _FIELDS.size + 4 * channels:
        return None
    found = Ambisonics(components=struct.unpack_from(f">{channels}I", body, _FIELDS.size))
    return found if found.is_valid else None


def _boxes(entry: Box, fields: int) -> tuple[Box, ...]:
    try:
        return tuple(entry.children(min(fields, len(entry.body))))
    except FormatError:
        return ()  # other fields, or bytes that are not boxes
