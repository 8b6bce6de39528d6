"""Scored segments: the part of a recording around each event, with all the evidence in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eddyline.edit.highlights.events import DECIMALS, KINDS, Event

MAX_CANDIDATES = 2000
"""Events around which segments are considered in one recording; the strongest ones are kept."""


@dataclass(frozen=True, kw_only=True)
class SegmentLength:
    """The shortest and the longest segment in seconds."""

    least_s: float = 2.0
    most_s: float = 5.0


@dataclass(frozen=True, kw_only=True)
class Segment:
    """The part [start_s, end_s) of the recording number `source`, in its movie seconds.

    `score` is from 0 to 1, `kind` that of the strongest of the `events`, which are in order of time.
    """

    source: int
    start_s: float
    end_s: float
    score: float
    kind: str
    peak_s: float
    events: tuple[Event, ...]

    @property
    def length_s(self) -> float:
        """The length in seconds."""
        return round(self.end_s - self.start_s, DECIMALS)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "source": self.source,
            "start_s": self.start_s,
            "end_s": self.end_s,
            "score": self.score,
            "kind": self.kind,
            "evidence": [each.to_json() for each in self.events],
        }


def make_segments(
    events: Sequence[Event], start_s: float, end_s: float, length: SegmentLength, *, source: int = 0
) -> tuple[Segment, ...]:
    """Segments around each event of a recording whose video shows [start_s, end_s), in order of time.

    Each event gets one segment for all of it, and one of the shortest length around its peak, for a place
    where the first one does not fit. Segments overlap. They are from `length.least_s` to `length.most_s`
    long, or as long as the recording if that is shorter.
    """
    strongest = sorted(events, key=lambda each: (-each.weighted, each.peak_s))[:MAX_CANDIDATES]
    peaks = sorted(events, key=lambda each: each.peak_s)
    times = np.array([each.peak_s for each in peaks])
    segments = set()
    shortest = replace(length, most_s=length.least_s)
    for event in strongest:
        for each in (length, shortest):
            low, high = _window(event, start_s, end_s, each)
            first, stop = np.searchsorted(times, [low, high]).tolist()
            inside = peaks[first:stop] or [event]
            segments.add(_segment(source, low, high, inside))
    return tuple(sorted(segments, key=lambda each: (each.start_s, each.end_s)))


def _window(event: Event, start_s: float, end_s: float, length: SegmentLength) -> tuple[float, float]:
    """The bounds of the segment of an event."""
    kind = KINDS[event.kind]
    low, high = event.start_s - kind.lead_s, event.end_s + kind.trail_s
    if high - low > length.most_s:
        low = min(max(event.peak_s - kind.before * length.most_s, low), high - length.most_s)
        high = low + length.most_s
    missing = max(length.least_s - (high - low), 0.0)
    low, high = low - missing / 2, high + missing / 2
    # Inside the recording, as long as it is.
    low -= max(high - end_s, 0.0)
    high += max(start_s - low, 0.0)
    return round(max(low, start_s), DECIMALS), round(min(high, end_s), DECIMALS)


def _segment(source: int, low: float, high: float, inside: Sequence[Event]) -> Segment:
    """The segment with the events whose peaks it contains.

    The strongest event of each kind counts: the score is 1 minus the product of what each one leaves.
    """
    best: dict[str, Event] = {}
    for event in inside:
        if event.kind not in best or event.score > best[event.kind].score:
            best[event.kind] = event
    rest = 1.0
    for event in best.values():
        rest *= 1 - event.weighted
    order = list(KINDS)
    top = min(best.values(), key=lambda each: (-each.weighted, order.index(each.kind)))
    return Segment(
        source=source,
        start_s=low,
        end_s=high,
        score=round(1 - rest, DECIMALS),
        kind=top.kind,
        peak_s=top.peak_s,
        events=tuple(sorted(inside, key=lambda each: (each.start_s, each.end_s, order.index(each.kind)))),
    )
