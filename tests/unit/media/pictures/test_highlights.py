"""HiLights are placed on the frames shown at their times."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.media.pictures.highlights import (
    MAX_HIGHLIGHTS,
    Chapter,
    Highlight,
    chapters_with_highlights,
    place_highlights,
)
from eddyline.mp4.presentation import Presentation


def _shown(pts: list[int], end: int) -> Presentation:
    return Presentation(sample=np.arange(len(pts), dtype=np.int64), pts=np.array(pts, np.int64), end=end)


# 10 frames of 1/30 s, except for the third, which lasts twice as long; ticks of 1/30 s.
SHOWN = _shown([0, 1, 2, 4, 5, 6, 7, 8, 9, 10], 11)


def _frames(*seconds: float) -> list[int]:
    return [each.frame for each in place_highlights([(time, "manual") for time in seconds], SHOWN, 30)]


@pytest.mark.parametrize(
    ("seconds", "frame"), [(0.0, 0), (0.0333, 0), (0.0334, 1), (0.1, 2), (0.133, 2), (0.1334, 3), (0.3666, 9)]
)
def test_a_highlight_is_on_the_frame_shown_at_its_time(seconds: float, frame: int) -> None:
    assert _frames(seconds) == [frame]


def test_times_outside_the_video_and_invalid_times_are_ignored() -> None:
    assert _frames(0.367, 99.0, -0.001, math.nan, math.inf, -math.inf, 1e300) == []


def test_a_highlight_before_a_late_first_frame_is_on_that_frame() -> None:
    (found,) = place_highlights([(0.1, "manual")], _shown([30, 31, 32], 33), 30)
    assert found == Highlight(time_s=0.1, frame=0, kind="manual")


def test_a_frame_has_one_highlight_and_highlights_are_in_order() -> None:
    assert _frames(0.30, 0.05, 0.06, 0.0) == [0, 1, 8]


def test_the_number_of_highlights_is_limited() -> None:
    shown = _shown(list(range(3 * MAX_HIGHLIGHTS)), 3 * MAX_HIGHLIGHTS)
    assert (
        len(place_highlights([(each / 30, "manual") for each in range(2 * MAX_HIGHLIGHTS)], shown, 30))
        == MAX_HIGHLIGHTS
    )


@given(st.lists(st.floats(allow_nan=True), max_size=20))
def test_any_times_have_existing_frames_in_order(times: list[float]) -> None:
    frames = _frames(*times)
    assert frames == sorted(set(frames))
    assert all(0 <= frame < len(SHOWN) for frame in frames)


def test_chapters_start_at_each_highlight_and_at_the_first_frame() -> None:
    highlights = [Highlight(time_s=1, frame=30, kind="manual"), Highlight(time_s=2, frame=60, kind="voice")]
    assert chapters_with_highlights(highlights) == (
        Chapter(frame=0, title="Start"),
        Chapter(frame=30, title="HiLight 1"),
        Chapter(frame=60, title="HiLight 2 (voice)"),
    )
    assert chapters_with_highlights([Highlight(time_s=0, frame=0, kind="other")]) == (
        Chapter(frame=0, title="HiLight 1"),
    )
    assert chapters_with_highlights([]) == ()


def test_the_sources_chapters_and_the_highlights_are_merged() -> None:
    source_chapters = [Chapter(frame=2, title="One"), Chapter(frame=7, title="HiLight 2")]
    highlights = [Highlight(time_s=0.07, frame=frame, kind="manual") for frame in (2, 7)]
    assert chapters_with_highlights(highlights, source_chapters) == (
        Chapter(frame=0, title="Start"),
        Chapter(frame=2, title="One / HiLight 1"),
        Chapter(frame=7, title="HiLight 2"),
    )
    assert chapters_with_highlights([], source_chapters[:0]) == ()
