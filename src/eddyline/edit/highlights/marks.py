"""HiLights and faces: what the user and the camera marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from eddyline import gpmf
from eddyline.edit.highlights.events import Event, find_runs, make_event, ramp, strongest
from eddyline.edit.highlights.signals import Faces
from eddyline.edit.highlights.thresholds import THRESHOLDS

_BY_USER: Final = frozenset({"MANL", "VOIC"})
_BY_CAMERA = 0.8  # score of a HiLight that the camera set itself, at full confidence
_MAX_HILIGHTS = 1000  # a camera stores at most 100
_SHORTEST_RANGE_S = 0.5
_LARGE_FACE = 0.08  # share of the frame
_MANY_FACES = 3
_FACE_GAP_S = 2.0
_PERCENT = 100.0


def hilight_events(hilights: Sequence[gpmf.Hilight], start_s: float, end_s: float) -> tuple[Event, ...]:
    """The HiLights within the video, with the range that the camera stores or a usual one."""
    events = []
    for each in hilights[:_MAX_HILIGHTS]:
        if not (math.isfinite(each.time_s) and start_s <= each.time_s < end_s):
            continue
        low, high = _range(each)
        events.append(
            make_event(
                "hilight",
                max(low, start_s),
                min(high, end_s),
                each.time_s,
                1.0 if each.kind in _BY_USER else _BY_CAMERA * _confidence(each),
                time_s=each.time_s,
            )
        )
    return strongest(events)


def _range(hilight: gpmf.Hilight) -> tuple[float, float]:
    low, high = hilight.start_s, hilight.end_s
    if low is not None and high is not None:
        # Unknown ranges are 0.
        length = high - low
        if _SHORTEST_RANGE_S <= length <= THRESHOLDS.hilight_range_s and low <= hilight.time_s <= high:
            return low, high
    return hilight.time_s - THRESHOLDS.hilight_before_s, hilight.time_s + THRESHOLDS.hilight_after_s


def _confidence(hilight: gpmf.Hilight) -> float:
    """From 0 to 1; cameras store a share or a percentage. 1 if it is unknown."""
    value = hilight.confidence
    if value is None or not math.isfinite(value) or value <= 0:
        return 1.0
    return min(value if value <= 1 else value / _PERCENT, 1.0)


def find_faces(faces: Faces) -> tuple[Event, ...]:
    """Times at which faces are visible; large, smiling and several faces score higher."""
    times = faces.times
    period_s = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    runs = find_runs(faces.count > 0, times, gap_s=_FACE_GAP_S, bridge_s=THRESHOLDS.face_bridge_s)
    runs = runs.where(runs.seconds(times, period_s) >= THRESHOLDS.face_s)
    quality = (
        0.3
        + 0.4 * np.minimum(faces.area / _LARGE_FACE, 1)
        + 0.2 * faces.smile
        + 0.1 * np.clip((faces.count - 1) / (_MANY_FACES - 1), 0, 1)
    )
    events = []
    for first, last in zip(runs.first.tolist(), runs.last.tolist(), strict=True):
        inside = slice(first, last + 1)
        best = first + int(np.argmax(quality[inside]))
        start_s, end_s = float(times[first]), float(times[last]) + period_s
        events.append(
            make_event(
                "face",
                start_s,
                end_s,
                float(times[best])
                if quality[inside].max() > quality[inside].min()
                else (start_s + end_s) / 2,
                float(quality[inside].mean()) * ramp(end_s - start_s, THRESHOLDS.face_s, 2.0, base=0.7),
                faces=float(faces.count[inside].max()),
                largest_share=float(faces.area[inside].max()),
                smile=float(faces.smile[inside].max()),
            )
        )
    return strongest(events)
