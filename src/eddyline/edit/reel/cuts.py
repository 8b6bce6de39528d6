"""The frames of a reel: whole frames of each segment, and ends that fall on the beats of music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eddyline.edit.highlights.events import Floats
from eddyline.edit.highlights.segments import Segment, SegmentLength
from eddyline.edit.highlights.selection import APART_S

_TOLERANCE_S = 1e-4  # segment times are rounded


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The frames [start, stop) of the recording of `segment`, and whether the cut ends on a beat."""

    segment: Segment
    start: int
    stop: int
    on_beat: bool = False


def plan_cuts(segments: Sequence[Segment], frame_times: Sequence[Floats]) -> tuple[Cut, ...]:
    """The frames of each segment: those that start within it.

    `frame_times` has for each recording float64[n + 1]: when its frames start, and the end of the last one.
    """
    cuts = []
    for segment in segments:
        times = frame_times[segment.source]
        start, stop = np.searchsorted(
            times[:-1], [segment.start_s - _TOLERANCE_S, segment.end_s - _TOLERANCE_S]
        ).tolist()
        if start < stop:
            cuts.append(Cut(segment=segment, start=start, stop=stop))
    return tuple(cuts)


def plan_cuts_on_beats(
    segments: Sequence[Segment],
    frame_times: Sequence[Floats],
    beats: Floats,
    *,
    total_s: float,
    length: SegmentLength,
) -> tuple[Cut, ...]:
    """As `plan_cuts`, but each cut ends at the frame nearest to a beat (seconds of the reel) where possible.

    Segments become longer or shorter at both ends, within `length`, their recording and the distance to their
    neighbours, and the reel is not longer than `total_s`.
    """
    cuts: list[Cut] = []
    now_s, stop_before = 0.0, -np.inf
    for number, segment in enumerate(segments):
        times = frame_times[segment.source]
        follows = number and segments[number - 1].source == segment.source
        low_s = max(float(times[0]), stop_before + APART_S if follows else -np.inf)
        high_s = float(times[-1])
        if number + 1 < len(segments) and segments[number + 1].source == segment.source:
            high_s = min(high_s, segments[number + 1].start_s - APART_S)
        reserved_s = length.least_s * (len(segments) - number - 1)  # for the other segments
        most_s = min(length.most_s, high_s - low_s, total_s - now_s - reserved_s)
        beat = _nearest_beat(beats, now_s, segment.length_s, length.least_s, most_s)
        wanted_s = min(segment.length_s, most_s) if beat is None else beat - now_s
        start_s = segment.start_s - (wanted_s - segment.length_s) / 2
        start_s = max(min(start_s, high_s - wanted_s), low_s)
        start = min(int(np.searchsorted(times[:-1], start_s - _TOLERANCE_S)), len(times) - 2)
        stop = start + int(np.argmin(np.abs(times[start:] - times[start] - wanted_s)))
        if stop <= start:
            continue
        cuts.append(Cut(segment=segment, start=start, stop=stop, on_beat=beat is not None))
        now_s += float(times[stop] - times[start])
        stop_before = float(times[stop])
    return tuple(cuts)


def _nearest_beat(
    beats: Floats, now_s: float, wanted_s: float, least_s: float, most_s: float
) -> float | None:
    """The beat at which a cut that starts at `now_s` should end: the nearest one to the wanted length."""
    possible = beats[(beats >= now_s + least_s - _TOLERANCE_S) & (beats <= now_s + most_s + _TOLERANCE_S)]
    if not len(possible):
        return None
    return float(possible[np.argmin(np.abs(possible - now_s - wanted_s))])
