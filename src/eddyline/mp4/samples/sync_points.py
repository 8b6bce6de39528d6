"""Finds sync samples in the bitstream, for tracks whose sync table is empty or missing.

An stss without entries means that no sample is a sync sample, yet some writers leave it empty for intra-only
video, and some omit it although most frames refer to others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.entries.object_type import read_object_type
from eddyline.mp4.movie import Track
from eddyline.mp4.samples.random_access import AVC, HEVC, is_random_access_point

# Formats whose frames never refer to other frames.
_INTRA_ONLY: Final = frozenset(
    {
        *("apch", "apcn", "apcs", "apco", "ap4h", "ap4x", "AVdn", "AVdh", "mjpa", "mjpb", "jpeg", "mjp2"),
        *("dvc ", "dvcp", "dvpp", "dv5n", "dv5p", "dvhp", "dvh5", "dvh6", "dvhq", "dvh2", "dvh3", "CFHD"),
        *("v210", "v410", "v308", "v408", "2vuy", "yuvs", "raw ", "r210", "R10k", "HFYU", "FFVH", "png "),
    }
)
_HEAD_BYTES = 256
_MAX_READ = 20_000  # samples to test; later ones are tested only if they are large
_ALL_INTRA, _DAMAGED = 64, 2  # if all but 2 of the first 64 samples are sync samples, all samples are


def find_sync_samples(src: ByteRanges, track: Track) -> npt.NDArray[np.bool_]:
    """`track.samples.sync`, or the random access points in the bitstream if the table has none.

    A table that lists all samples, or that is missing, is checked against the first samples. For unknown
    codecs only the first sample is a sync sample.
    """
    samples = track.samples
    listed = int(np.count_nonzero(samples.sync))
    is_mp4v = track.format == "mp4v"
    test = _MP4V_TESTS.get(read_object_type(track.stsd)) if is_mp4v else _TESTS.get(track.format)
    is_valid = 0 < listed < len(samples) or (listed and test is None)
    if is_valid or not len(samples):
        return samples.sync
    if test is None:
        only_first = np.zeros(len(samples), np.bool_)
        only_first[: None if track.format in _INTRA_ONLY else 1] = True
        return only_first
    first = range(min(len(samples), _ALL_INTRA))
    # One or two of them may be damaged.
    if sum(test(src, track, number) for number in first) >= len(first) - _DAMAGED:
        return np.broadcast_to(np.True_, (len(samples),))
    return _scan(src, track, test)


def _scan(src: ByteRanges, track: Track, test: _Test) -> npt.NDArray[np.bool_]:
    size = track.samples.size
    sync = np.zeros(len(size), np.bool_)
    # Intra frames are far larger than other frames: in a long recording only large samples are tested.
    large = np.flatnonzero(size > 2 * np.median(size))
    tested = np.union1d(np.arange(min(len(size), _MAX_READ)), large[:_MAX_READ])
    for number in tested.tolist():
        sync[number] = test(src, track, number)
    if not sync.any():
        sync[0] = True
    return sync


_Test = Callable[[ByteRanges, Track, int], bool]


def _head(src: ByteRanges, track: Track, number: int) -> bytes:
    samples = track.samples
    return src.read(int(samples.offset[number]), min(int(samples.size[number]), _HEAD_BYTES))


def _is_mpeg4_intra(src: ByteRanges, track: Track, number: int) -> bool:
    """Whether this is an I-VOP (ISO/IEC 14496-2 section 6.2.5: vop_start_code, coding type)."""
    head = _head(src, track, number)
    at = head.find(b"\x00\x00\x01\xb6")
    return 0 <= at < len(head) - 4 and head[at + 4] >> 6 == 0


def _is_vp9_key_frame(src: ByteRanges, track: Track, number: int) -> bool:
    """Whether this is a key frame (VP9 section 6.2: frame_marker, profile, show_existing, type)."""
    head = _head(src, track, number)[:1]
    if not head or head[0] >> 6 != 2:  # noqa: PLR2004 - frame_marker
        return False
    bits = head[0] & 0x3F
    high_profile = bits >> 4 == 3  # noqa: PLR2004 - both profile bits: a reserved one follows
    frame_type = bits >> (1 if high_profile else 2)
    return not frame_type & 3


def _has_av1_sequence_header(src: ByteRanges, track: Track, number: int) -> bool:
    """Whether there is a sequence header (AV1 section 7.5: only these are random access points)."""
    head = _head(src, track, number)
    at = 0
    while at + 1 < len(head):
        kind, extended, sized = head[at] >> 3 & 15, head[at] & 4, head[at] & 2
        if kind == 1:
            return True
        if not sized:
            return False
        at += 2 if extended else 1
        size = shift = 0
        while at < len(head):
            size |= (head[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not head[at - 1] & 0x80:
                break
        at += size
    return False


def _is_mpeg2_intra(src: ByteRanges, track: Track, number: int) -> bool:
    """Whether this is an I-picture (ISO/IEC 13818-2 section 6.2.3: start code, reference, type)."""
    head = _head(src, track, number)
    at = head.find(b"\x00\x00\x01\x00")
    return 0 <= at < len(head) - 5 and head[at + 5] >> 3 & 7 == 1


_MPEG4_PART_2, _MPEG2_VIDEO, _MPEG1_VIDEO = 0x20, range(0x60, 0x66), 0x6A
# By the objectTypeIndication of an mp4v entry. For other types (JPEG, PNG) the table is trusted.
_MP4V_TESTS: Mapping[int, _Test] = {
    _MPEG4_PART_2: _is_mpeg4_intra,
    **dict.fromkeys((*_MPEG2_VIDEO, _MPEG1_VIDEO), _is_mpeg2_intra),
}
_TESTS: Mapping[str, _Test] = {
    **dict.fromkeys(AVC | HEVC, is_random_access_point),
    "vp09": _is_vp9_key_frame,
    "av01": _has_av1_sequence_header,
}
