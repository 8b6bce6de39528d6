"""A selection has no overlaps, a fixed total, and several kinds and parts where the recordings have them."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.edit.highlights.events import KINDS, make_event
from eddyline.edit.highlights.segments import Segment, SegmentLength
from eddyline.edit.highlights.selection import APART_S, MAX_SHARE, PARTS, Recording, select_segments

LENGTH = SegmentLength(least_s=2.0, most_s=5.0)
FEW = settings(max_examples=40)
RECORDINGS = (Recording(start_s=0.0, end_s=200.0), Recording(start_s=5.0, end_s=105.0))


def segment(start_s: float, length_s: float, score: float, kind: str = "impact", source: int = 0) -> Segment:
    peak_s = start_s + length_s / 2
    event = make_event(kind, start_s, start_s + length_s, peak_s, score)
    return Segment(
        source=source,
        start_s=start_s,
        end_s=start_s + length_s,
        score=score,
        kind=kind,
        peak_s=peak_s,
        events=(event,),
    )


@st.composite
def candidates(draw: st.DrawFn) -> list[Segment]:
    made = []
    for _ in range(draw(st.integers(0, 60))):
        source = draw(st.integers(0, 1))
        recording = RECORDINGS[source]
        length_s = draw(st.integers(20, 50)) / 10
        latest = int((recording.end_s - length_s) * 10)
        start_s = draw(st.integers(int(recording.start_s * 10), latest)) / 10
        score = draw(st.integers(1, 100)) / 100
        made.append(segment(start_s, length_s, score, draw(st.sampled_from(list(KINDS))), source))
    return made


@FEW
@given(found=candidates(), total_s=st.integers(2, 90))
def test_selected_segments_do_not_overlap_and_keep_the_total(found: list[Segment], total_s: float) -> None:
    chosen = select_segments(found, RECORDINGS, total_s, LENGTH)
    assert list(chosen) == sorted(chosen, key=lambda each: (each.source, each.start_s))
    assert sum(each.length_s for each in chosen) <= total_s + 1e-3
    for each in chosen:
        recording = RECORDINGS[each.source]
        assert recording.start_s - 1e-9 <= each.start_s < each.end_s <= recording.end_s + 1e-9
        assert LENGTH.least_s - 1e-9 <= each.length_s <= LENGTH.most_s + 1e-3
    for before, after in pairwise(chosen):
        assert before.source < after.source or after.start_s - before.end_s >= APART_S - 1e-3


@FEW
@given(found=candidates(), total_s=st.integers(2, 90))
def test_nothing_that_fits_is_left_out(found: list[Segment], total_s: float) -> None:
    chosen = select_segments(found, RECORDINGS, total_s, LENGTH)
    left_s = total_s - sum(each.length_s for each in chosen)
    assert all(is_near(each, chosen) or each.length_s > left_s - 1e-3 for each in found)
    # What remains could not extend any segment: each is full, or has no room.
    if chosen and left_s > 1e-2:
        assert all(each.length_s > LENGTH.most_s - 1e-2 or _is_enclosed(each, chosen) for each in chosen)


def _is_enclosed(each: Segment, chosen: tuple[Segment, ...]) -> bool:
    recording = RECORDINGS[each.source]
    others = [other for other in chosen if other.source == each.source and other != each]
    ends = [recording.start_s - APART_S, *(other.end_s for other in others if other.end_s <= each.start_s)]
    starts = [recording.end_s + APART_S, *(other.start_s for other in others if other.start_s >= each.end_s)]
    return each.start_s - max(ends) <= APART_S + 2e-3 and min(starts) - each.end_s <= APART_S + 2e-3


@FEW
@given(found=candidates(), total_s=st.integers(20, 60))
def test_one_kind_or_part_exceeds_its_share_only_if_others_are_missing(
    found: list[Segment], total_s: float
) -> None:
    chosen = select_segments(found, RECORDINGS, total_s, SegmentLength(least_s=2.0, most_s=2.0))
    seconds: dict[object, float] = defaultdict(float)
    for each in chosen:
        for group in groups(each):
            seconds[group] += each.length_s
    if max(seconds.values(), default=0.0) <= MAX_SHARE * total_s + 1e-6:
        return
    left_s = total_s - sum(each.length_s for each in chosen)
    for each in set(found) - set(chosen):
        within_shares = all(
            not seconds[group] or seconds[group] + each.length_s <= MAX_SHARE * total_s - 1e-6
            for group in groups(each)
        )
        assert not within_shares or each.length_s > left_s - 1e-6 or is_near(each, chosen)


def groups(each: Segment) -> tuple[object, object]:
    offset = 0.0 if each.source == 0 else 195.0
    return each.kind, min(int((offset + each.peak_s) / (300.0 / PARTS)), PARTS - 1)


def is_near(each: Segment, chosen: tuple[Segment, ...]) -> bool:
    return any(
        other.source == each.source
        and each.start_s < other.end_s + APART_S
        and other.start_s < each.end_s + APART_S
        for other in chosen
    )


def test_of_overlapping_segments_the_best_is_selected() -> None:
    found = [segment(10, 3, 0.5), segment(11, 3, 0.9), segment(12, 3, 0.7), segment(50, 3, 0.2)]
    chosen = select_segments(found, RECORDINGS[:1], 6.0, LENGTH)
    assert [each.start_s for each in chosen] == [11, 50]


def test_weaker_segments_of_other_kinds_and_parts_are_preferred_to_more_of_the_same() -> None:
    found = [segment(10 * number, 3, 0.9) for number in range(1, 11)]
    found += [segment(150, 3, 0.2, "face"), segment(180, 3, 0.2, "speed"), segment(170, 3, 0.1, "spin")]
    chosen = select_segments(found, RECORDINGS[:1], 18.0, LENGTH)
    assert Counter(each.kind for each in chosen) == {"impact": 3, "face": 1, "speed": 1, "spin": 1}


def test_the_total_is_reached_by_longer_segments() -> None:
    found = [segment(20, 2, 0.9), segment(60, 2, 0.8, "face"), segment(100, 2, 0.7, "spin")]
    chosen = select_segments(found, RECORDINGS[:1], 12.0, LENGTH)
    assert sum(each.length_s for each in chosen) == pytest.approx(12.0)
    assert [each.length_s for each in chosen] == pytest.approx([5.0, 5.0, 2.0])


def test_a_segment_at_the_start_is_extended_at_its_end() -> None:
    (chosen,) = select_segments([segment(0, 2, 0.9)], RECORDINGS[:1], 4.0, LENGTH)
    assert (chosen.start_s, chosen.end_s) == (0.0, 4.0)


def test_the_order_of_candidates_does_not_matter() -> None:
    found = [segment(10 * number, 3, 0.5, kind) for number, kind in enumerate(KINDS)]
    assert select_segments(found, RECORDINGS, 9.0, LENGTH) == select_segments(
        found[::-1], RECORDINGS, 9.0, LENGTH
    )
