"""Segments contain their events, and have a length within the limits."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.edit.highlights.events import KINDS, Event, make_event
from eddyline.edit.highlights.segments import Segment, SegmentLength, make_segments

LENGTH = SegmentLength(least_s=2.0, most_s=5.0)


def longest(segments: Sequence[Segment]) -> Segment:
    return max(segments, key=lambda each: each.length_s)


@st.composite
def event_lists(draw: st.DrawFn, end_s: float = 300.0) -> list[Event]:
    events = []
    for _ in range(draw(st.integers(0, 25))):
        start_s = draw(st.floats(-3, end_s))
        length_s = draw(st.sampled_from([0.05, 0.5, 2.0, 4.0, 20.0]))
        peak_s = draw(st.floats(max(start_s, 0), max(min(start_s + length_s, end_s - 0.01), start_s, 0)))
        score = draw(st.floats(0.01, 1))
        events.append(
            make_event(draw(st.sampled_from(list(KINDS))), start_s, start_s + length_s, peak_s, score)
        )
    return events


@settings(max_examples=40)
@given(events=event_lists())
def test_segments_have_a_valid_length_within_the_recording(events: list[Event]) -> None:
    for segment in make_segments(events, 0.0, 300.0, LENGTH):
        assert LENGTH.least_s - 1e-3 <= segment.length_s <= LENGTH.most_s + 1e-3
        assert 0 <= segment.start_s < segment.end_s <= 300
        assert 0 < segment.score <= 1
        assert segment.kind in {each.kind for each in segment.events}


def test_a_segment_starts_before_the_event_and_ends_after_it() -> None:
    event = make_event("airtime", 50.0, 51.0, 50.5, 0.6)
    segment = longest(make_segments([event], 0.0, 100.0, LENGTH))
    assert (segment.start_s, segment.end_s, segment.kind) == (49.0, 52.0, "airtime")
    assert segment.score == pytest.approx(0.9 * 0.6)


def test_a_short_event_gets_the_shortest_length() -> None:
    event = make_event("face", 50.0, 50.5, 50.25, 0.6)
    segment = longest(make_segments([event], 0.0, 100.0, LENGTH))
    assert (segment.start_s, segment.end_s) == pytest.approx((49.25, 51.25))


def test_of_a_long_event_the_part_around_the_peak_is_used() -> None:
    event = make_event("hilight", 20.0, 60.0, 50.0, 1.0)
    segment = longest(make_segments([event], 0.0, 100.0, LENGTH))
    assert (segment.start_s, segment.end_s) == (46.0, 51.0)


@pytest.mark.parametrize(("at", "expected"), [(0.2, (0.0, 2.2)), (99.8, (97.8, 100.0))])
def test_a_segment_stays_within_the_recording(at: float, expected: tuple[float, float]) -> None:
    event = make_event("loudness", at, min(at + 1.0, 100.0), at, 0.6)
    segment = longest(make_segments([event], 0.0, 100.0, LENGTH))
    assert segment.start_s == pytest.approx(expected[0], abs=0.61)
    assert segment.end_s <= 100
    assert segment.length_s >= 2


def test_a_recording_shorter_than_a_segment_is_one_segment() -> None:
    event = make_event("face", 0.2, 0.9, 0.5, 0.6)
    (segment,) = make_segments([event], 0.0, 1.2, LENGTH)
    assert (segment.start_s, segment.end_s) == (0.0, 1.2)


def test_several_kinds_of_evidence_raise_the_score() -> None:
    airtime = make_event("airtime", 50.0, 51.0, 50.5, 0.6)
    impact = make_event("impact", 51.0, 51.1, 51.05, 0.5)
    again = make_event("impact", 51.3, 51.4, 51.35, 0.4)
    segments = make_segments([airtime, impact, again], 0.0, 100.0, LENGTH)
    best = max(segments, key=lambda each: each.score)
    assert best.score == pytest.approx(1 - (1 - 0.54) * (1 - 0.35), abs=1e-3)
    assert {each.kind for each in best.events} == {"airtime", "impact"}
    assert best.kind == "airtime"
    assert best.to_json()["evidence"][0]["kind"] == "airtime"


def test_an_event_also_gets_the_shortest_segment_around_its_peak() -> None:
    event = make_event("hilight", 46.0, 50.5, 50.0, 1.0)
    segments = make_segments([event], 0.0, 100.0, LENGTH)
    assert [(each.start_s, each.end_s) for each in segments] == [(46.0, 50.5), (48.4, 50.4)]
