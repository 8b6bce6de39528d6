"""Corrects the edit lists of packaged streams, so that a late start is the same in every format.

Shaka Packager 3.8 writes an edit into every init segment that removes the delay between decoding and showing
the first frame, and increases decode times by that delay to compensate. It does not increase them where they
start at zero, that is if the source starts late by exactly that delay. The frames are then shown too early.
"""

from __future__ import annotations

import struct
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.media.video.joined_files import JoinedFiles
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation

_ENTRY_AT = 4 + 4 + 4  # after type, version and flags, and entry count


def set_presentation_start(init: Path, first: Path, start: int) -> None:
    """Set the presentation start of the stream of `init`, with its `first` media segment, to `start` (ticks).

    Raises `ProofError` if the edit list cannot express that.
    """
    joined = JoinedFiles([init, first])
    try:
        movie = read_movie(joined)
        track = movie.tracks[0]
        shown = int(build_presentation(movie, track).pts[0])
    finally:
        joined.close()
    if shown == start:
        return
    if len(track.edits) != 1 or track.edits[0].media_time + shown - start < 0:
        raise ProofError(f"{init.parent.name} starts at {shown} instead of {start} ticks")
    _set_media_time(init, track.edits[0].media_time + shown - start)


def _set_media_time(init: Path, ticks: int) -> None:
    """Rewrite the only entry of the only edit list (ISO/IEC 14496-12 section 8.6.6)."""
    data = bytearray(init.read_bytes())
    at = data.find(b"elst")
    if at < 0 or data.find(b"elst", at + 4) >= 0:
        raise ProofError(f"{init.parent.name} does not have exactly one edit list")
    # An entry has duration, media time and rate; in version 1 the first two have 64 bits.
    form, skip = (">q", 8) if data[at + 4] else (">i", 4)
    struct.pack_into(form, data, at + _ENTRY_AT + skip, ticks)
    init.write_bytes(data)
