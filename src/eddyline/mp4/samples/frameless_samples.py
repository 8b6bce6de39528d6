"""Samples that hold no picture: empty ones, and H.264 or HEVC samples without a slice.

Recorders write empty samples where a frame was dropped, and some put access unit delimiters, messages (SEI)
and parameter sets into samples of their own. No decoder gives a frame for such a sample.
"""

from __future__ import annotations

import numpy as np

from eddyline.core.errors import InputError
from eddyline.mp4.bitstream.nal_units import nal_unit_type, split_nal_units
from eddyline.mp4.byte_ranges import ByteRanges, Ints, read_ranges
from eddyline.mp4.movie import Track
from eddyline.mp4.samples.random_access import AVC, HEVC, nal_length_size

# Messages, parameter sets, delimiters, ends and filler (ITU-T H.264 table 7-1, H.265 table 7-1).
_OTHER_UNITS = {"h264": range(6, 14), "hevc": range(32, 41)}
_SMALL = 256  # bytes: delimiters, parameter sets and timing messages are smaller
_LARGEST = 4096  # bytes, of samples that share their time with another one
_MOST_READ = 20_000  # samples


def find_frameless_samples(src: ByteRanges, track: Track) -> Ints:
    """The samples (decode order) that hold no picture: int64[n], ascending.

    Reads small samples, and those that have no duration or share their time with another one.
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
            empty[number] = _is_pictureless(sample, codec, lengths)
    if empty.all():
        return np.zeros(0, np.int64)  # nothing would be left: let the decoder judge
    return np.flatnonzero(empty).astype(np.int64)


def _is_pictureless(sample: bytes, codec: str, lengths: int) -> bool:
    """Whether a sample is whole NAL units of other kinds than slices; a damaged one is not."""
    try:
        units = list(split_nal_units(sample, lengths))
    except InputError:
        return False
    return bool(units) and all(nal_unit_type(codec, unit) in _OTHER_UNITS[codec] for unit in units)


def _candidates(track: Track) -> Ints:
    samples = track.samples
    order = np.argsort(samples.pts, kind="stable")
    shared = np.zeros(len(samples), np.bool_)
    same = np.flatnonzero(np.diff(samples.pts[order]) == 0)
    shared[order[same]] = shared[order[same + 1]] = True
    suspect = (samples.size <= _SMALL) | ((shared | (samples.duration == 0)) & (samples.size <= _LARGEST))
    return np.flatnonzero(suspect & (samples.size > 0))[:_MOST_READ].astype(np.int64)
