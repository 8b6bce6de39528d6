"""Selects the segments of a reel: without overlaps, of several kinds, from all parts, with a fixed total."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from eddyline.edit.highlights.events import DECIMALS
from eddyline.edit.highlights.segments import Segment, SegmentLength

PARTS: Final = 8
"""Equal parts of the total time of all recordings, among which a reel is balanced."""

MAX_SHARE: Final = 0.5
"""Of the reel, from one kind and from one part, while other segments fit."""

APART_S: Final = 0.5
"""Segments of one recording that are closer would look like one with a jump."""

_REPEAT = 0.8  # factor of the score for each selected segment of the same kind, or of the same part
_EPSILON = 1e-6


@dataclass(frozen=True, kw_only=True)
class Recording:
    """The movie time [start_s, end_s) that a recording shows."""

    start_s: float
    end_s: float


def select_segments(
    candidates: Iterable[Segment],
    recordings: Sequence[Recording],
    total_s: float,
    length: SegmentLength,
) -> tuple[Segment, ...]:
    """The segments of a reel of at most `total_s` seconds, in order of the recordings and of time.

    Segments do not overlap. Each segment selected lowers the scores of others of its kind and part. Neither
    a kind nor a part gets more than half of the reel, unless nothing else fits. What then remains of
    the total extends the selected segments, up to `length.most_s`.
    """
    best_first = sorted(
        set(candidates), key=lambda each: (-each.score, -each.length_s, each.source, each.start_s)
    )
    selection = _Selection(recordings, total_s, best_first)
    for share in (MAX_SHARE, 1.0):
        selection.fill(share * total_s)
    chosen = _extend(selection.chosen, recordings, total_s, length)
    return tuple(sorted(chosen, key=lambda each: (each.source, each.start_s)))


class _Selection:
    """The segments selected so far, their seconds by kind and by part, and those that do not overlap them."""

    def __init__(
        self, recordings: Sequence[Recording], total_s: float, candidates: Sequence[Segment]
    ) -> None:
        self.chosen: list[Segment] = []
        self._left_s = total_s
        self._seconds: dict[object, float] = defaultdict(float)
        self._count: dict[object, int] = defaultdict(int)
        self._starts: list[float] = []
        at = 0.0
        for each in recordings:
            self._starts.append(at - each.start_s)
            at += each.end_s - each.start_s
        self._part_s = max(at / PARTS, _EPSILON)
        self._remaining = [each for each in candidates if each.length_s <= total_s + _EPSILON]

    def fill(self, most_s: float) -> None:
        """Select segments while some fit; no kind or part exceeds `most_s`, unless by its first segment."""
        while allowed := [each for each in self._remaining if self._fits(each, most_s)]:
            best = max(allowed, key=self._value)  # the first of equal ones
            self._add(best)
            self._remaining = [each for each in self._remaining if self._is_free(each, best)]

    def _groups(self, segment: Segment) -> tuple[object, object]:
        part = int((self._starts[segment.source] + segment.peak_s) / self._part_s)
        return segment.kind, min(max(part, 0), PARTS - 1)

    def _is_free(self, segment: Segment, added: Segment) -> bool:
        if segment.length_s > self._left_s + _EPSILON:
            return False
        return (
            segment.source != added.source
            or segment.start_s >= added.end_s + APART_S
            or segment.end_s <= added.start_s - APART_S
        )

    def _fits(self, segment: Segment, most_s: float) -> bool:
        return all(
            not self._seconds[group] or self._seconds[group] + segment.length_s <= most_s + _EPSILON
            for group in self._groups(segment)
        )

    def _value(self, segment: Segment) -> float:
        repeats = sum(self._count[group] for group in self._groups(segment))
        return float(segment.score * _REPEAT**repeats)

    def _add(self, segment: Segment) -> None:
        self.chosen.append(segment)
        self._left_s -= segment.length_s
        for group in self._groups(segment):
            self._seconds[group] += segment.length_s
            self._count[group] += 1


def _extend(
    chosen: Sequence[Segment], recordings: Sequence[Recording], total_s: float, length: SegmentLength
) -> list[Segment]:
    """Extend the segments, best first, at both ends until the total is reached; they stay apart."""
    out = list(chosen)
    left_s = total_s - sum(each.length_s for each in out)
    for at in sorted(range(len(out)), key=lambda at: (-out[at].score, out[at].source, out[at].start_s)):
        segment = out[at]
        want_s = min(left_s, length.most_s - segment.length_s)
        if want_s <= _EPSILON:
            continue
        before_s, after_s = _room(segment, out, recordings[segment.source])
        head_s = min(max(want_s / 2, want_s - after_s), before_s)
        tail_s = min(want_s - head_s, after_s)
        out[at] = replace(
            segment,
            start_s=round(segment.start_s - head_s, DECIMALS),
            end_s=round(segment.end_s + tail_s, DECIMALS),
        )
        left_s = total_s - sum(each.length_s for each in out)
    return out


def _room(segment: Segment, others: Iterable[Segment], recording: Recording) -> tuple[float, float]:
    """The seconds free before and after a segment."""
    before, after = recording.start_s, recording.end_s
    for each in others:
        if each.source != segment.source or each is segment:
            continue
        if each.end_s <= segment.start_s:
            before = max(before, each.end_s + APART_S)
        elif each.start_s >= segment.end_s:
            after = min(after, each.start_s - APART_S)
    return max(segment.start_s - before, 0.0), max(after - segment.end_s, 0.0)
