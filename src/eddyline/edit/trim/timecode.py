"""Time code (tmcd) of a stretch: it begins with the frame that the stretch begins with."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from eddyline.edit.track_range import TrackRange, data, nearest
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.write.output_track import OutputTrack, Piece

_ENTRY_AT = 16  # of stsd: box header, version and flags, count
_FLAGS_AT = _ENTRY_AT + 8 + 8 + 4  # entry header, SampleEntry, reserved (QuickTime File Format, "Timecode")
_DAY_FLAG, _DROP = 2, 1
_DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Code:
    """How a track counts: `rate` frames a second, `day` frames after which it begins anew (0: never)."""

    rate: Fraction
    day: int


def read_code(track: Track) -> Code | None:
    """What its sample entry says; None where that is no time code."""
    if len(track.stsd) < _FLAGS_AT + 13:
        return None
    flags, scale, duration, number = struct.unpack_from(">IIIB", track.stsd, _FLAGS_AT)
    if not scale or not duration:
        return None
    # Drop frame leaves out 108 numbers an hour for each 30 frames a second; counted frames are never dropped.
    day = number * _DAY_S - (number // 30 * 108 * 24 if flags & _DROP else 0)
    return Code(rate=Fraction(scale, duration), day=day if flags & _DAY_FLAG else 0)


def timecode(
    movie: Movie, track: Track, src: ByteRanges, stretch: TrackRange, work: Path
) -> OutputTrack | None:
    """The time code of the stretch, its first count later by the frames cut; new counts go to `work`."""
    copy, code = data(movie, track, src, stretch), read_code(track)
    if copy is None or code is None:
        return copy
    (piece,) = copy.pieces
    if not len(piece.size) or int(piece.size[0]) != 4:  # noqa: PLR2004 - a 32-bit count
        return copy
    where = int(np.flatnonzero(track.samples.offset == piece.offset[0])[0])
    began = Fraction(int(track.samples.pts[where]), track.timescale)
    count = int.from_bytes(src.read(int(piece.offset[0]), 4), "big", signed=True)
    count += max(nearest((stretch.start - began) * code.rate), 0)
    if code.day:
        count %= code.day
    path = work / f"timecode-{track.number}"
    path.write_bytes(struct.pack(">I", count & 0xFFFFFFFF))
    first = Piece(source=path, offset=np.zeros(1, np.int64), size=np.full(1, 4, np.int64))
    rest = Piece(source=piece.source, offset=piece.offset[1:], size=piece.size[1:])
    return replace(copy, pieces=(first, rest))
