"""Folds the composition offsets of audio samples into the decode times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from eddyline.mp4.movie import Samples


def fold_composition_offsets(samples: Samples) -> Samples:
    """Audio samples whose decode times are their presentation times, so that copies need no ctts table.

    Audio is presented in decode order, so offsets (ISO/IEC 14496-12 section 8.6.1.3) can only shift it,
    which the decode times can do as well. Offsets that would reorder samples are invalid and are ignored, as
    decoders do.
    """
    pts = samples.pts
    if not len(samples) or np.array_equal(pts, samples.dts):
        return samples
    if np.any(np.diff(pts) < 0):
        return replace(samples, pts=samples.dts)
    duration = np.append(np.diff(pts), samples.duration[-1:])
    return replace(samples, dts=pts, duration=duration)
