"""Requires one format of a track whose sample table has several entries (ISO/IEC 14496-12 section 8.5.2)."""

from __future__ import annotations

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.mp4.boxes import sample_entries
from eddyline.mp4.movie import Track


def require_one_format(track: Track) -> None:
    """Raise `UnsupportedError` for a track with samples of several formats: FFmpeg decodes only one.

    Several entries of one format are valid: they differ in size or parameter sets.
    """
    kinds = [entry.kind for entry in sample_entries(track.stsd)]
    rows = track.samples.description
    # Nearly always one row. The first call of np.unique imports numpy.ma, which takes 10 ms.
    different = rows[:1] if len(rows) and (rows == rows[0]).all() else np.unique(rows)
    used = [kinds[row - 1] for row in different.tolist() if 0 < row <= len(kinds)]
    if len(set(used)) > 1:
        raise UnsupportedError(
            f"the video track has frames in several formats ({', '.join(dict.fromkeys(used))})",
            remedy="export the clip in one format from the program that joined it",
            reason="mixed-formats",
        )
