"""Finds the samples at which decoding can start, and those that decoders do not output.

A sync table may be wrong. Encoders with periodic intra refresh mark samples whose frame is only complete
after the following ones; other encoders mark intra frames without the recovery point message that permits a
decoder to start there. Decoding from such a sample gives no frames or damaged frames, so a slice must not
start there. A file that was cut out of a stream with open GOPs starts with leading frames whose references
are missing: they are in the table, but decoders do not output them.
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
_MAX_LEADING = 64  # frames; the deepest reordering is 16
_HEAD_BYTES = 64 * 1024  # parameter sets and messages before a frame are far shorter
_LENGTH_SIZE_AT = {b"avcC": 4, b"hvcC": 21}
_AVC_SEI = 6  # NAL unit type (ITU-T H.264 table 7-1)
_RECOVERY_POINT = 6  # SEI payload type (annex D)
_CONTINUED = 0xFF  # a byte of a number that is not its last (ITU-T H.264 section 7.3.2.3.1)
_HEVC_RASL = frozenset(
    {8, 9}
)  # ITU-T H.265 table 7-1: leading pictures that refer to frames before the random access point


def is_random_access_point(src: ByteRanges, track: Track, number: int) -> bool:
    """Whether decoding can start at sync sample `number` (decode order).

    In H.264 this requires an IDR picture or a recovery point with immediate recovery, in HEVC an IRAP
    picture. The sync tables of other codecs are trusted.
    """
    if track.format in AVC:
        return _is_avc_access_point(_head(src, track, number))
    if track.format in HEVC:
        return _hevc_kind(_head(src, track, number)) in HEVC_IRAP
    return True


def is_idr(src: ByteRanges, track: Track, number: int) -> bool:
    """Whether sync sample `number` (decode order) is an IDR picture: no frame refers to frames before it.

    In codecs other than H.264 and HEVC, every sync sample counts as one.
    """
    if track.format in AVC:
        return _is_idr(_head(src, track, number))
    return track.format not in HEVC or _hevc_kind(_head(src, track, number)) in IDR["hevc"]


def find_undecodable(src: ByteRanges, track: Track) -> tuple[int, ...]:
    """Samples (decode order) that decoders do not output, because their references are missing from the file.

    These are the leading frames of the first sync sample: in H.264 all of them, in HEVC the RASL pictures.
    Reads a few bytes of each, and nothing from a file that starts normally.
    """
    samples = track.samples
    if track.format not in AVC | HEVC or not np.any(samples.sync):
        return ()
    starts = np.flatnonzero(samples.sync)[:2].tolist()
    stop = starts[1] if len(starts) > 1 else len(samples)
    early = np.flatnonzero(samples.pts[starts[0] : stop] < samples.pts[starts[0]]) + starts[0]
    leading: list[int] = early[:_MAX_LEADING].tolist()
    if track.format in AVC:
        return tuple(leading) if leading and not _is_idr(_head(src, track, starts[0])) else ()
    return tuple(at for at in leading if _hevc_kind(_head(src, track, at)) in _HEVC_RASL)


def _head(src: ByteRanges, track: Track, number: int) -> list[bytes]:
    """The NAL units at the start of a sample."""
    samples = track.samples
    data = src.read(int(samples.offset[number]), min(int(samples.size[number]), _HEAD_BYTES))
    return list(leading_nal_units(data, nal_length_size(track.stsd)))


def _is_avc_access_point(units: list[bytes]) -> bool:
    recovers = False
    for unit in units:
        kind = nal_unit_type("h264", unit)
        if kind == _AVC_SEI:
            recovers = recovers or _recovers_immediately(remove_emulation_prevention(unit[1:]))
        elif kind in SLICES["h264"]:
            return recovers or kind in IDR["h264"]
    return True  # no slice found: let the decoder decide


def _is_idr(units: list[bytes]) -> bool:
    return any(nal_unit_type("h264", unit) in IDR["h264"] for unit in units)


def _hevc_kind(units: list[bytes]) -> int:
    """The type of the first slice NAL unit; that of an IDR picture if there is none."""
    kinds = (nal_unit_type("hevc", unit) for unit in units)
    return next((kind for kind in kinds if kind in SLICES["hevc"]), max(IDR["hevc"]))


def _recovers_immediately(messages: bytes) -> bool:
    """Whether the SEI messages (annex D.1) contain a recovery point with recovery_frame_cnt 0."""
    at = 0
    while at + 2 < len(messages):
        kind, at = _read_sei_number(messages, at)
        size, at = _read_sei_number(messages, at)
        if kind == _RECOVERY_POINT:
            # An Exp-Golomb 0 is a single 1 bit.
            return at < len(messages) and bool(messages[at] >> 7)
        at += size
    return False


def _read_sei_number(data: bytes, at: int) -> tuple[int, int]:
    """A number coded as a sum of bytes, the last below 255; and the position after it."""
    total = 0
    while at < len(data):
        total += data[at]
        at += 1
        if data[at - 1] < _CONTINUED:
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
