"""The times of several chapters' samples on one timeline, compared with values computed by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from eddyline.core.errors import UnsupportedError
from eddyline.edit.merge.timelines import (
    Window,
    chapter_starts,
    merge_audio_times,
    merge_data_times,
    merge_video_times,
    presented_window,
)
from eddyline.mp4.movie import Edit, Movie, Samples, Track
from eddyline.mp4.presentation import Presentation, build_presentation


def track(durations: list[int], *, kind: str = "audio", edits: tuple[Edit, ...] = ()) -> Track:
    """Returns a track with these sample durations, in ticks of 1/1000 s."""
    duration = np.array(durations, np.int64)
    dts = np.cumsum(duration) - duration
    count = len(durations)
    samples = Samples(
        offset=np.zeros(count, np.int64),
        size=np.ones(count, np.int64),
        dts=dts,
        pts=dts,
        duration=duration,
        sync=np.ones(count, np.bool_),
        description=np.ones(count, np.int32),
    )
    return Track(
        number=1,
        kind=kind,
        handler="",
        name="",
        timescale=1000,
        duration=int(duration.sum()),
        format="",
        stsd=b"",
        media_header=b"",
        edits=edits,
        samples=samples,
    )


def movie(*tracks: Track) -> Movie:
    return Movie(
        timescale=1000,
        duration=0,
        creation_time=0,
        brand="mp41",
        tracks=tracks,
        udta=None,
        fragmented=False,
        size=0,
        bytes_read=0,
    )


def shown(*pts: int, end: int) -> Presentation:
    return Presentation(sample=np.arange(len(pts), dtype=np.int64), pts=np.array(pts, np.int64), end=end)


def window_of(each: Track) -> Window:
    return presented_window(movie(each), each)


def test_a_chapter_starts_when_the_frames_of_the_previous_one_end() -> None:
    assert chapter_starts([shown(0, 40, end=80), shown(0, 40, end=80)]) == [0, 80, 160]


def test_a_late_first_frame_leaves_no_gap_at_the_join() -> None:
    assert chapter_starts([shown(40, 80, end=120), shown(40, 80, end=120)]) == [0, 80, 200]


def test_overlapping_frames_are_rejected() -> None:
    videos = [track([40, 40], kind="video")] * 2
    with pytest.raises(UnsupportedError, match="overlap in time"):
        merge_video_times(videos, [build_presentation(movie(videos[0]), videos[0])] * 2, [0, 40], 1000)


def test_audio_within_a_frame_of_the_video_is_unchanged() -> None:
    tracks = [track([20] * 4), track([20] * 4)]
    merged = merge_audio_times(tracks, [window_of(each) for each in tracks], [0, 99, 198], 1000)
    assert merged.duration.tolist() == [20] * 8
    assert merged.edits == ()


def test_audio_that_is_a_frame_short_is_extended_at_the_join() -> None:
    tracks = [track([20] * 4), track([20] * 4)]
    merged = merge_audio_times(tracks, [window_of(each) for each in tracks], [0, 100, 200], 1000)
    assert merged.duration.tolist() == [20, 20, 20, 40, 20, 20, 20, 20]


def test_small_shortfalls_accumulate_to_a_frame() -> None:
    tracks = [track([20] * 4)] * 4
    merged = merge_audio_times(tracks, [window_of(each) for each in tracks], [0, 88, 176, 264, 352], 1000)
    assert np.flatnonzero(merged.duration != 20).tolist() == [11]
    assert merged.duration[11] == 20 + 24


def test_surplus_audio_is_cut_with_edits() -> None:
    tracks = [track([20] * 6), track([20] * 6)]
    merged = merge_audio_times(tracks, [window_of(each) for each in tracks], [0, 80, 160], 1000)
    assert merged.duration.tolist() == [20] * 12
    assert [(edit.media_time, edit.duration) for edit in merged.edits] == [(0, 80), (120, 120)]


def test_audio_is_cut_only_where_the_surplus_reaches_a_frame() -> None:
    tracks = [track([20] * 5)] * 4
    merged = merge_audio_times(tracks, [window_of(each) for each in tracks], [0, 92, 184, 276, 368], 1000)
    assert [(edit.media_time, edit.duration) for edit in merged.edits] == [(0, 276), (300, 100)]


def test_an_empty_edit_delays_audio_that_is_short_after_a_cut() -> None:
    tracks = [track([20] * 6), track([20] * 2), track([20] * 4)]
    merged = merge_audio_times(tracks, [window_of(each) for each in tracks], [0, 80, 160, 240], 1000)
    assert [(edit.media_time, edit.duration) for edit in merged.edits] == [
        (0, 80),
        (120, 40),
        (-1, 40),
        (160, 80),
    ]


def test_priming_of_later_chapters_is_cut_with_edits() -> None:
    primed = track([20] * 6, edits=(Edit(media_time=20, duration=90),))
    merged = merge_audio_times([primed] * 2, [window_of(primed)] * 2, [0, 90, 180], 1000)
    assert [(edit.media_time, edit.duration) for edit in merged.edits] == [(20, 90), (140, 90)]


def test_payloads_start_with_their_chapter_and_the_previous_payload_is_shortened() -> None:
    tracks = [track([1001, 1001], kind="telemetry")] * 2
    merged = merge_data_times(tracks, [window_of(each) for each in tracks], [0, 1900, 3800], 1000)
    assert merged.duration.tolist() == [1001, 899, 1001, 1001]


def test_a_payload_that_starts_after_its_video_keeps_one_tick() -> None:
    tracks = [track([1001, 1001, 1001], kind="telemetry")] * 2
    merged = merge_data_times(tracks, [window_of(each) for each in tracks], [0, 1500, 3000], 1000)
    assert merged.duration.tolist() == [1001, 498, 1, 1001, 1001, 1001]


def test_data_without_durations_starts_with_its_chapter() -> None:
    tracks = [track([0, 0, 0], kind="other")] * 2
    merged = merge_data_times(tracks, [window_of(each) for each in tracks], [0, 500, 1000], 1000)
    assert merged.duration.tolist() == [0, 0, 500, 0, 0, 0]


def test_more_payloads_than_ticks_are_rejected() -> None:
    tracks = [track([10] * 5, kind="telemetry")] * 2
    with pytest.raises(UnsupportedError, match="much longer"):
        merge_data_times(tracks, [window_of(each) for each in tracks], [0, 3, 6], 1000)


def test_a_chapter_without_payloads_is_skipped() -> None:
    tracks = [track([10], kind="telemetry"), track([], kind="telemetry"), track([10], kind="telemetry")]
    merged = merge_data_times(tracks, [window_of(each) for each in tracks], [0, 10, 20, 30], 1000)
    assert merged.duration.tolist() == [20, 10]


def test_a_track_with_unsupported_edits_is_rejected() -> None:
    edits = (Edit(media_time=0, duration=10), Edit(media_time=30, duration=10))
    edited = track([20] * 3, edits=edits)
    with pytest.raises(UnsupportedError, match="has edits"):
        window_of(edited)
    with pytest.raises(UnsupportedError, match="has edits"):
        window_of(replace(edited, edits=(Edit(media_time=0, duration=10, rate=Fraction(2)),)))
