"""Cuts have whole frames, and end on beats where the segments allow it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.edit.highlights.test_selection import segment

from eddyline.edit.highlights.segments import Segment, SegmentLength
from eddyline.edit.highlights.selection import APART_S
from eddyline.edit.reel.cuts import plan_cuts, plan_cuts_on_beats

FRAME_S = 1001 / 30000
TIMES = [np.arange(3001, dtype=np.float64) * FRAME_S, 0.5 + np.arange(1501, dtype=np.float64) / 25]
LENGTH = SegmentLength(least_s=2.0, most_s=5.0)


def test_a_cut_has_the_frames_that_start_within_the_segment() -> None:
    (cut,) = plan_cuts([segment(2.0, 3.0, 0.5)], TIMES)
    assert (cut.start, cut.stop) == (60, 150)
    assert TIMES[0][cut.start] >= 2.0 > TIMES[0][cut.start - 1]


def test_a_segment_up_to_the_end_has_the_last_frame() -> None:
    end_s = float(TIMES[0][-1])
    (cut,) = plan_cuts([segment(end_s - 2, 2.0, 0.5)], TIMES)
    assert cut.stop == 3000


def test_a_segment_without_a_frame_is_left_out() -> None:
    assert plan_cuts([segment(2.01, 0.01, 0.5)], TIMES) == ()


@st.composite
def selected(draw: st.DrawFn) -> list[Segment]:
    made = []
    for source, (low, high) in enumerate(((0.0, 100.0), (0.5, 60.0))):
        at = low
        for _ in range(draw(st.integers(0, 5))):
            at += draw(st.integers(5, 60)) / 10
            length_s = draw(st.integers(20, 50)) / 10
            if at + length_s <= high:
                made.append(segment(round(at, 4), length_s, 0.5, source=source))
            at += length_s
    return made


@settings(max_examples=60)
@given(segments=selected(), period_s=st.sampled_from([0.35, 0.5, 0.8, 7.0]), phase_s=st.floats(0, 0.5))
def test_cuts_on_beats_keep_the_limits(segments: list[Segment], period_s: float, phase_s: float) -> None:
    total_s = sum(each.length_s for each in segments) + 0.5
    beats = np.arange(phase_s, 200, period_s)
    cuts = plan_cuts_on_beats(segments, TIMES, beats, total_s=total_s, length=LENGTH)
    assert [cut.segment for cut in cuts] == segments
    now_s = 0.0
    for cut in cuts:
        times = TIMES[cut.segment.source]
        now_s += float(times[cut.stop] - times[cut.start])
        length_s = float(times[cut.stop] - times[cut.start])
        assert LENGTH.least_s - 0.06 <= length_s <= LENGTH.most_s + 0.06
        if cut.on_beat:
            assert np.abs(beats - now_s).min() <= 0.5 / 25 + 1e-6
        elif period_s < 1:
            # The limits leave less than a beat.
            rest = len(cuts) - cuts.index(cut) - 1
            room_s = min(total_s - now_s - rest * LENGTH.least_s, LENGTH.most_s - length_s)
            assert room_s < period_s or _is_enclosed(cut.segment, segments)
    assert now_s <= total_s + 0.05
    for before, after in pairwise(cuts):
        if before.segment.source == after.segment.source:
            times = TIMES[before.segment.source]
            assert times[after.start] - times[before.stop] >= APART_S - 0.06


def _is_enclosed(each: Segment, segments: list[Segment]) -> bool:
    """Whether neighbours or the ends of the recording leave little room on both sides."""
    times = TIMES[each.source]
    same = [other for other in segments if other.source == each.source and other != each]
    before = max([float(times[0]), *(o.end_s + APART_S for o in same if o.end_s <= each.start_s)])
    after = min([float(times[-1]), *(o.start_s - APART_S for o in same if o.start_s >= each.end_s)])
    return (after - before) - each.length_s < 1.5


def test_a_cut_is_moved_to_the_nearest_beat() -> None:
    segments = [segment(10.0, 3.1, 0.5), segment(30.0, 2.9, 0.5)]
    first, second = plan_cuts_on_beats(segments, TIMES, np.arange(0, 20, 1.0), total_s=10, length=LENGTH)
    assert (first.stop - first.start) * FRAME_S == pytest.approx(3.0, abs=FRAME_S / 2)
    assert first.start * FRAME_S == pytest.approx(10.05, abs=FRAME_S)
    assert (second.stop - second.start + first.stop - first.start) * FRAME_S == pytest.approx(
        6.0, abs=FRAME_S / 2
    )


def test_without_a_beat_in_reach_a_cut_keeps_its_length() -> None:
    (cut,) = plan_cuts_on_beats([segment(10.0, 3.1, 0.5)], TIMES, np.array([50.0]), total_s=10, length=LENGTH)
    assert not cut.on_beat
    assert (cut.stop - cut.start) * FRAME_S == pytest.approx(3.1, abs=FRAME_S)
