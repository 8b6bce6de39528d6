"""Cuts a timecode track (tmcd): the first count is that of the first frame of the cut."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from eddyline.core.timebase import round_half_up
from eddyline.edit.track_range import TrackRange, cut_data
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.write.output_track import OutputTrack, Piece

_ENTRY_AT = 16  # of stsd: box header, version and flags, count
_FLAGS_AT = _ENTRY_AT + 8 + 8 + 4  # entry header, SampleEntry, reserved (QuickTime File Format, "Timecode")
_DAY_FLAG, _DROP = 2, 1
_DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class TimecodeFormat:
    """How a track counts: `rate` frames per second, wraps after `day` frames (0: never)."""

    rate: Fraction
    day: int


def read_timecode_format(track: Track) -> TimecodeFormat | None:
    """Read the format from the sample entry; returns None if it is not a timecode entry."""
    if len(track.stsd) < _FLAGS_AT + 13:
        return None
    flags, scale, duration, number = struct.unpack_from(">IIIB", track.stsd, _FLAGS_AT)
    if not scale or not duration:
        return None
    # Drop frame skips 108 numbers per hour for each 30 frames per second; it drops numbers, not frames.
    day = number * _DAY_S - (number // 30 * 108 * 24 if flags & _DROP else 0)
    return TimecodeFormat(rate=Fraction(scale, duration), day=day if flags & _DAY_FLAG else 0)


def cut_timecode(
    movie: Movie, track: Track, src: ByteRanges, cut_range: TrackRange, work: Path
) -> OutputTrack | None:
    """Cut the track and advance its first count by the frames removed; writes the count to `work`."""
    copy, timecode_format = cut_data(movie, track, src, cut_range), read_timecode_format(track)
    if copy is None or timecode_format is None:
        return copy
    (piece,) = copy.pieces
    if not len(piece.size) or int(piece.size[0]) != 4:  # noqa: PLR2004 - a 32-bit count
        return copy
    where = int(np.flatnonzero(track.samples.offset == piece.offset[0])[0])
    sample_start = Fraction(int(track.samples.pts[where]), track.timescale)
    count = int.from_bytes(src.read(int(piece.offset[0]), 4), "big", signed=True)
    count += max(round_half_up((cut_range.start - sample_start) * timecode_format.rate), 0)
    if timecode_format.day:
        count %= timecode_format.day
    path = work / f"timecode-{track.number}"
    path.write_bytes(struct.pack(">I", count & 0xFFFFFFFF))
    first = Piece(source=path, offset=np.zeros(1, np.int64), size=np.full(1, 4, np.int64))
    rest = Piece(source=piece.source, offset=piece.offset[1:], size=piece.size[1:])
    return replace(copy, pieces=(first, rest))
