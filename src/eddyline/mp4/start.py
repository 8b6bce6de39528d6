"""Where a decoder can really begin, and what it cannot show there.

A sync table may promise more than the pictures hold: an encoder with periodic intra refresh marks samples as
sync whose picture only becomes whole over the following ones. Decoding from there gives nothing, or damaged
frames, so these are no places to cut. And a file cut out of a stream with open GOPs begins with leading
pictures whose references were cut off: they are in the table, but no decoder shows them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from eddyline.mp4.movie import Track
from eddyline.mp4.ranges import ByteRanges

_AVC = frozenset({"avc1", "avc2", "avc3", "avc4"})
_MOST_LEADING = 64  # pictures; the deepest reordering is 16
_LOOK = 64 * 1024  # bytes: parameter sets and messages in front of a picture are far shorter
# NAL unit types (ITU-T H.264 table 7-1)
_SLICE, _PARTITION, _IDR = 1, 2, 5
_INTRA_SLICES = frozenset({2, 4})  # I and SI, modulo 5 (table 7-6)
_LENGTH_SIZE_AT = {b"avcC": 4, b"hvcC": 21}
_HEVC = frozenset({"hvc1", "hev1", "dvh1", "dvhe"})
# NAL unit types (ITU-T H.265 table 7-1): leading pictures that need what came before the random access point
_RASL = frozenset({8, 9})
_HEVC_VIDEO = 32  # types below this are pictures


def can_begin(src: ByteRanges, track: Track, number: int) -> bool:
    """Whether decoding can begin at sync sample `number` (decode order): for H.264, an intra picture.

    Other codecs' sync tables are taken at their word.
    """
    if track.format not in _AVC:
        return True
    samples = track.samples
    head = src.read(int(samples.offset[number]), min(int(samples.size[number]), _LOOK))
    for unit in _units(head, _length_size(track.stsd)):
        kind = unit[0] & 31
        if kind == _IDR:
            return True
        if kind in {_SLICE, _PARTITION}:
            return _slice_type(unit) % 5 in _INTRA_SLICES
    return True


def undecodable(src: ByteRanges, track: Track) -> tuple[int, ...]:
    """Samples (decode order) that no decoder shows, because what they refer to is not in the file.

    These are the leading pictures of the first sync sample: in H.264 all of them, in HEVC those that say so
    (RASL). Reads a few bytes of each, and nothing at all of a file that begins as it should.
    """
    samples = track.samples
    if track.format not in _AVC | _HEVC or track.encrypted or not np.any(samples.sync):
        return ()
    starts = np.flatnonzero(samples.sync)[:2].tolist()
    stop = starts[1] if len(starts) > 1 else len(samples)
    early = np.flatnonzero(samples.pts[starts[0] : stop] < samples.pts[starts[0]]) + starts[0]
    leading: list[int] = early[:_MOST_LEADING].tolist()
    return tuple(at for at in leading if track.format in _AVC or _is_rasl(src, track, at))


def _is_rasl(src: ByteRanges, track: Track, number: int) -> bool:
    samples = track.samples
    head = src.read(int(samples.offset[number]), min(int(samples.size[number]), _LOOK))
    kinds = (unit[0] >> 1 & 63 for unit in _units(head, _length_size(track.stsd)))
    return next((kind for kind in kinds if kind < _HEVC_VIDEO), 0) in _RASL


def _length_size(stsd: bytes) -> int:
    """Bytes of a NAL unit's length (ISO/IEC 14496-15 section 5.3.3); 4 unless avcC or hvcC says otherwise."""
    for name, within in _LENGTH_SIZE_AT.items():
        at = stsd.find(name)
        place = at + len(name) + within
        if at >= 0 and place < len(stsd):
            return (stsd[place] & 3) + 1
    return 4


def _units(data: bytes, length_size: int) -> Iterator[bytes]:
    """The first bytes of each NAL unit, as long as they lie within `data`."""
    at = 0
    while at + length_size < len(data):
        length = int.from_bytes(data[at : at + length_size])
        at += length_size
        if length:
            yield data[at : at + min(length, 32)]
        at += length


def _slice_type(unit: bytes) -> int:
    """slice_type, the second Exp-Golomb number of a slice header (ITU-T H.264 sections 7.3.3 and 9.1)."""
    bits = int.from_bytes(unit[1:])
    left = 8 * (len(unit) - 1)
    value = 0
    for _ in range(2):
        zeros = left - bits.bit_length()
        width = 2 * zeros + 1
        if width > left:
            return 0
        value = (bits >> (left - width)) - 1
        left -= width
        bits &= (1 << left) - 1
    return value
