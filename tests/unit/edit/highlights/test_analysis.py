"""Recordings are analysed together, and segments selected from all of them."""

from __future__ import annotations

import numpy as np

from eddyline.edit.highlights.analysis import Analysis, select_highlights
from eddyline.edit.highlights.events import make_event
from eddyline.edit.highlights.segments import SegmentLength


def analysis(name: str, *starts_s: float) -> Analysis:
    events = tuple(make_event("impact", at, at + 0.2, at + 0.1, 0.5) for at in starts_s)
    return Analysis(name=name, frame_times=np.arange(901, dtype=np.float64) / 30, events=events)


def test_segments_are_selected_from_all_recordings_in_order() -> None:
    analyses = [analysis("a", 5.0, 6.0, 20.0), analysis("b"), analysis("c", 12.0)]
    chosen = select_highlights(analyses, 9.0, SegmentLength())
    assert [(each.source, round(each.peak_s)) for each in chosen] == [(0, 5), (0, 20), (2, 12)]
    assert sum(each.length_s for each in chosen) == 9.0


def test_an_analysis_is_described_in_json() -> None:
    found = analysis("a", 5.0).to_json()
    assert found == {"name": "a", "start_s": 0.0, "end_s": 30.0, "frames": 900, "events": 1, "warnings": []}
