"""Finds samples without a coded frame: empty ones, and H.264 or HEVC samples without a slice.

Recorders write an empty sample for a dropped frame, and some write access unit delimiters, SEI messages and
parameter sets as samples of their own. Decoders output no frame for such a sample.
"""

from __future__ import annotations

import numpy as np

from eddyline.core.errors import InputError
from eddyline.mp4.bitstream.nal_units import nal_unit_type, split_nal_units
from eddyline.mp4.byte_ranges import ByteRanges, Ints, read_ranges
from eddyline.mp4.movie import Track
from eddyline.mp4.samples.random_access import AVC, HEVC, nal_length_size

# SEI messages, parameter sets, delimiters, end markers and filler (ITU-T H.264 table 7-1, H.265 table 7-1).
_NON_SLICE_TYPES = {"h264": range(6, 14), "hevc": range(32, 41)}
_SMALL = 256  # bytes: delimiters, parameter sets and timing messages are smaller
_LARGEST = 4096  # bytes, for samples that share their time with another sample
_MAX_READ = 20_000  # samples


def find_frameless_samples(src: ByteRanges, track: Track) -> Ints:
    """The samples (decode order) without a coded frame: int64[n], ascending.

    Reads small samples, and those that have no duration or share their time with another sample.
    """
    samples = track.samples
    if not len(samples):
        return np.zeros(0, np.int64)
    empty = samples.size == 0
    codec = "h264" if track.format in AVC else "hevc" if track.format in HEVC else ""
    if codec:
        small = _candidates(track)
        lengths = nal_length_size(track.stsd)
        read = read_ranges(src, samples.offset[small], samples.size[small])
        for number, sample in zip(small.tolist(), read, strict=True):
            empty[number] = _is_frameless(sample, codec, lengths)
    if empty.all():
        return np.zeros(0, np.int64)  # every sample is frameless: let the decoder decide
    return np.flatnonzero(empty).astype(np.int64)


def _is_frameless(sample: bytes, codec: str, lengths: int) -> bool:
    """Whether a sample consists of NAL units other than slices; a damaged sample does not."""
    try:
        units = list(split_nal_units(sample, lengths))
    except InputError:
        return False
    return bool(units) and all(nal_unit_type(codec, unit) in _NON_SLICE_TYPES[codec] for unit in units)


def _candidates(track: Track) -> Ints:
    samples = track.samples
    order = np.argsort(samples.pts, kind="stable")
    shared = np.zeros(len(samples), np.bool_)
    same = np.flatnonzero(np.diff(samples.pts[order]) == 0)
    shared[order[same]] = shared[order[same + 1]] = True
    suspect = (samples.size <= _SMALL) | ((shared | (samples.duration == 0)) & (samples.size <= _LARGEST))
    return np.flatnonzero(suspect & (samples.size > 0))[:_MAX_READ].astype(np.int64)
