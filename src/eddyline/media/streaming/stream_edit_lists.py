"""Edit lists of packaged streams: what begins late must begin late by the same amount in every format.

Shaka Packager 3.8 writes an edit into every init segment that takes off the delay between decoding and
showing the first frame, and moves decode times on by that delay to make up for it; but not where they begin
at zero, where the source begins late by exactly that delay. Its stream then shows the pictures too early.
"""

from __future__ import annotations

import struct
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.media.video.joined_files import JoinedFiles
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation

_AFTER_NAME = 4 + 4 + 4  # the box's name, version and flags, number of entries


def set_presentation_start(init: Path, first: Path, start: int) -> None:
    """Make the stream of `init` and its `first` media segment begin to show at `start` (its own ticks).

    Raises `ProofError` where its edit list cannot say that.
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
        raise ProofError(f"{init.parent.name} begins at {shown} instead of {start} ticks")
    _set_media_time(init, track.edits[0].media_time + shown - start)


def _set_media_time(init: Path, ticks: int) -> None:
    """Rewrite the only entry of the only edit list (ISO/IEC 14496-12 section 8.6.6)."""
    data = bytearray(init.read_bytes())
    at = data.find(b"elst")
    if at < 0 or data.find(b"elst", at + 4) >= 0:
        raise ProofError(f"{init.parent.name} has not one edit list")
    # Each entry: duration, media time, rate; in version 1 the first two have 64 bits.
    form, skip = (">q", 8) if data[at + 4] else (">i", 4)
    struct.pack_into(form, data, at + _AFTER_NAME + skip, ticks)
    init.write_bytes(data)
