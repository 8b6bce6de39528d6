from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.media.ladder.chunks import frame_grid
from eddyline.media.streaming.segment_duration import SegmentDuration, choose_segment_duration, segment_starts
from eddyline.media.streaming.timeline import Timeline

HOURS = 12


def packager_cuts(keyframes: list[int], option: str, timescale: int) -> tuple[int, ...]:
    """ChunkingHandler's rule, one keyframe at a time, from the parsed option of the packager."""
    duration = int(float(option) * timescale)
    found: list[int] = []
    current = -1
    for number, time in enumerate(keyframes):
        index = time // duration
        if not found or (index not in {current, current - 1}):
            found.append(number)
            current = index
    return tuple(found)


@pytest.mark.parametrize(
    "rate", ["24000/1001", "24", "25", "30000/1001", "48", "50", "60000/1001", "60", "120"]
)
@pytest.mark.parametrize("timescale", [None, 1000, 90_000, 15_360, 48_000])
def test_the_grid_is_kept_for_half_a_day_at_every_rate_and_timescale(
    rate: str, timescale: int | None
) -> None:
    fps = Fraction(rate)
    grid = frame_grid(gop_s=2, segment_s=4, fps=fps)
    ticks = timescale or fps.numerator
    # A timescale of milliseconds rounds every time; the grid must be found nevertheless.
    frames = np.arange(0, int(HOURS * 3600 * fps), grid.gop, dtype=np.int64)
    times = (2 * frames * ticks * fps.denominator + fps.numerator) // (2 * fps.numerator)
    chosen = choose_segment_duration(times, gops=2, timescale=ticks, segment_s=grid.segment_s)
    assert chosen.on_grid
    assert chosen.first == tuple(range(0, len(times), 2))
    assert packager_cuts(times.tolist(), chosen.option, ticks) == chosen.first


@given(
    steps=st.lists(st.integers(1, 400), min_size=1, max_size=60),
    start=st.integers(0, 500),
    gops=st.integers(1, 4),
    timescale=st.sampled_from([90, 1000, 30_000]),
)
@settings(max_examples=300, deadline=None)
def test_the_predicted_cuts_are_those_of_the_packager(
    steps: list[int], start: int, gops: int, timescale: int
) -> None:
    times = np.cumsum([start, *steps]).astype(np.int64)
    segment_s = Fraction(sum(steps) * gops, len(steps) * timescale)
    chosen = choose_segment_duration(times, gops=gops, timescale=timescale, segment_s=segment_s)
    assert packager_cuts(times.tolist(), chosen.option, timescale) == chosen.first
    assert chosen.first == segment_starts(times, chosen.ticks)
    if chosen.on_grid:
        assert chosen.first == tuple(range(0, len(times), gops))


def test_a_duration_rounded_up_would_miss_cuts() -> None:
    # 4.004 s rounded to 4.01 s eventually skips a cut.
    times = np.arange(0, 1000, dtype=np.int64) * 60_060
    assert segment_starts(times, int(4.01 * 30_000)) != tuple(range(0, 1000, 2))


def test_hours_in_a_timescale_too_coarse_for_the_rate_are_cut_by_time() -> None:
    # 600 ticks per second cannot express 4.004 s: no whole number of ticks keeps the grid for half a day.
    fps = Fraction(30_000, 1001)
    grid = frame_grid(gop_s=2, segment_s=4, fps=fps)
    times = np.arange(int(12 * 3600 * fps), dtype=np.int64)[:: grid.gop] * 600 * 1001 // 30_000
    chosen = choose_segment_duration(times, gops=2, timescale=600, segment_s=grid.segment_s)
    assert not chosen.on_grid
    assert packager_cuts(times.tolist(), chosen.option, 600) == chosen.first
    assert max(np.diff(times[list(chosen.first)])) <= 6 * 600 + 7
    assert choose_segment_duration(times[:1800], gops=2, timescale=600, segment_s=grid.segment_s).on_grid


def test_a_track_without_keyframes_has_no_segment() -> None:
    assert segment_starts(np.zeros(0, np.int64), 10) == ()


def test_the_target_is_the_longest_segment_of_video_or_audio_rounded() -> None:
    def target(seconds: str, last: str) -> int:
        length = Fraction(seconds)
        pts = np.array([int(length * number * 1000) for number in range(3)])
        keyframes = Timeline(pts=pts, end=int(pts[-1] + Fraction(last) * 1000), timescale=1000)
        chosen = SegmentDuration(ticks=int(length * 1000), timescale=1000, first=(0, 1, 2), on_grid=True)
        return chosen.target(keyframes)

    assert target("4", "1") == 4
    assert target("6.006", "6.006") == 6
    assert target("4.4", "1") == 5  # audio segments may last 4.528 s
    assert target("2", "3.5") == 4
    assert target("0.1", "0.1") == 1
