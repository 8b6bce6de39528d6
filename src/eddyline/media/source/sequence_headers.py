"""Detects frame sizes that change within a stream, from the sequence headers of MPEG-1 and MPEG-2 video.

ISO/IEC 11172-2 section 2.4.2.3, ISO/IEC 13818-2 section 6.2.2.1: a start code, then 12 bits each of width and
height. Broadcasts change the size between programs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

SEQUENCE_HEADER_CODECS: Final = frozenset({"mpeg1video", "mpeg2video"})
"""The codecs whose sequence headers are read, by FFmpeg's names."""

_START_CODE: Final = b"\0\0\1\xb3"
_SEARCHED: Final = 256  # first bytes of a sync sample that are searched for a header


def frame_size_changes(path: Path) -> bool:
    """Return whether the sync samples of the local MP4's first video track declare different sizes."""
    sizes: set[bytes] = set()
    with FileRanges(path) as src:
        track = read_movie(src).first_track("video")
        if track is None:
            return False
        samples = track.samples
        for number in np.flatnonzero(samples.sync).tolist():
            head = src.read(int(samples.offset[number]), min(int(samples.size[number]), _SEARCHED))
            at = head.find(_START_CODE)
            if at >= 0 and len(head) >= at + 7:
                sizes.add(head[at + 4 : at + 7])
            if len(sizes) > 1:
                return True
    return False
