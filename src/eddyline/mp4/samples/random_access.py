"""Where a decoder can really begin, and what it cannot show there.

A sync table may promise more than the pictures hold. An encoder with periodic intra refresh marks samples
whose picture only becomes whole over the following ones; others mark intra pictures without the message that
tells a decoder it may begin there. Decoding from such a sample gives nothing, or damaged frames, so these are
no places to cut. And a file cut out of a stream with open GOPs begins with leading pictures whose references
were cut off: they are in the table, but no decoder shows them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from eddyline.mp4.bitstream.nal_units import HEVC_IRAP, IDR, SLICES, leading_nal_units, nal_unit_type
from eddyline.mp4.bitstream.rbsp import remove_emulation_prevention
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Track

AVC: Final = frozenset({"avc1", "avc2", "avc3", "avc4"})
HEVC: Final = frozenset({"hvc1", "hev1", "dvh1", "dvhe"})
_MOST_LEADING = 64  # pictures; the deepest reordering is 16
_LOOK = 64 * 1024  # bytes: parameter sets and messages in front of a picture are far shorter
_LENGTH_SIZE_AT = {b"avcC": 4, b"hvcC": 21}
_AVC_SEI = 6  # NAL unit type (ITU-T H.264 table 7-1)
_RECOVERY_POINT = 6  # SEI payload type (annex D)
_GOES_ON = 0xFF  # a byte of a number that is not its last (ITU-T H.264 section 7.3.2.3.1)
_HEVC_RASL = frozenset(
    {8, 9}
)  # ITU-T H.265 table 7-1: leading pictures that need what came before the random access point


def is_random_access_point(src: ByteRanges, track: Track, number: int) -> bool:
    """Whether decoding can begin at sync sample `number` (decode order).

    In H.264 that takes an IDR picture or a recovery point that is reached at once, in HEVC a random access
    point. Other codecs' sync tables are taken at their word.
    """
    if track.format in AVC:
        return _avc_can_begin(_head(src, track, number))
    if track.format in HEVC:
        return _hevc_kind(_head(src, track, number)) in HEVC_IRAP
    return True


def find_undecodable(src: ByteRanges, track: Track) -> tuple[int, ...]:
    """Samples (decode order) that no decoder shows, because what they refer to is not in the file.

    These are the leading pictures of the first sync sample: in H.264 all of them, in HEVC those that say so
    (RASL). Reads a few bytes of each, and nothing at all of a file that begins as it should.
    """
    samples = track.samples
    if track.format not in AVC | HEVC or not np.any(samples.sync):
        return ()
    starts = np.flatnonzero(samples.sync)[:2].tolist()
    stop = starts[1] if len(starts) > 1 else len(samples)
    early = np.flatnonzero(samples.pts[starts[0] : stop] < samples.pts[starts[0]]) + starts[0]
    leading: list[int] = early[:_MOST_LEADING].tolist()
    if track.format in AVC:
        return tuple(leading) if leading and not _is_idr(_head(src, track, starts[0])) else ()
    return tuple(at for at in leading if _hevc_kind(_head(src, track, at)) in _HEVC_RASL)


def _head(src: ByteRanges, track: Track, number: int) -> list[bytes]:
    """The NAL units at the start of a sample."""
    samples = track.samples
    data = src.read(int(samples.offset[number]), min(int(samples.size[number]), _LOOK))
    return list(leading_nal_units(data, nal_length_size(track.stsd)))


def _avc_can_begin(units: list[bytes]) -> bool:
    recovers = False
    for unit in units:
        kind = nal_unit_type("h264", unit)
        if kind == _AVC_SEI:
            recovers = recovers or _recovers_at_once(remove_emulation_prevention(unit[1:]))
        elif kind in SLICES["h264"]:
            return recovers or kind in IDR["h264"]
    return True  # no picture within sight: leave it to the decoder


def _is_idr(units: list[bytes]) -> bool:
    return any(nal_unit_type("h264", unit) in IDR["h264"] for unit in units)


def _hevc_kind(units: list[bytes]) -> int:
    """The type of the first picture's NAL unit; that of an IDR picture if none is within sight."""
    kinds = (nal_unit_type("hevc", unit) for unit in units)
    return next((kind for kind in kinds if kind in SLICES["hevc"]), max(IDR["hevc"]))


def _recovers_at_once(messages: bytes) -> bool:
    """Whether these SEI messages (annex D.1) hold a recovery point with recovery_frame_cnt 0."""
    at = 0
    while at + 2 < len(messages):
        kind, at = _counted(messages, at)
        size, at = _counted(messages, at)
        if kind == _RECOVERY_POINT:
            # An Exp-Golomb 0 is a single 1 bit.
            return at < len(messages) and bool(messages[at] >> 7)
        at += size
    return False


def _counted(data: bytes, at: int) -> tuple[int, int]:
    """A number written as its sum in bytes, the last below 255; and what follows it."""
    total = 0
    while at < len(data):
        total += data[at]
        at += 1
        if data[at - 1] < _GOES_ON:
            break
    return total, at


def nal_length_size(stsd: bytes) -> int:
    """Bytes of a NAL unit's length (ISO/IEC 14496-15 section 5.3.3); 4 unless avcC or hvcC says otherwise."""
    for name, within in _LENGTH_SIZE_AT.items():
        at = stsd.find(name)
        place = at + len(name) + within
        if at >= 0 and place < len(stsd):
            return (stsd[place] & 3) + 1
    return 4
