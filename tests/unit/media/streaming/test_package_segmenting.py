from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.core.errors import ProofError
from eddyline.media.ladder.chunks import frame_grid
from eddyline.media.streaming.playlists import (
    read_mpd,
    with_exact_durations,
    with_presentation_duration,
    with_timeline,
    without_signature,
)
from eddyline.media.streaming.segment_duration import choose_segment_duration, segment_starts

HOURS = 12


def packager_cuts(keyframes: list[int], option: str, timescale: int) -> tuple[int, ...]:
    """ChunkingHandler's rule, one keyframe at a time, from the option as the packager reads it."""
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
def test_the_grid_is_kept_for_half_a_day_at_every_rate_in_every_clock(
    rate: str, timescale: int | None
) -> None:
    fps = Fraction(rate)
    grid = frame_grid(gop_s=2, segment_s=4, fps=fps)
    ticks = timescale or fps.numerator
    # A clock of milliseconds rounds every time; the grid must be found all the same.
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
def test_what_is_chosen_is_what_the_packager_does(
    steps: list[int], start: int, gops: int, timescale: int
) -> None:
    times = np.cumsum([start, *steps]).astype(np.int64)
    wanted = Fraction(sum(steps) * gops, len(steps) * timescale)
    chosen = choose_segment_duration(times, gops=gops, timescale=timescale, segment_s=wanted)
    assert packager_cuts(times.tolist(), chosen.option, timescale) == chosen.first
    assert chosen.first == segment_starts(times, chosen.ticks)
    if chosen.on_grid:
        assert chosen.first == tuple(range(0, len(times), gops))


def test_a_duration_rounded_above_the_true_one_would_miss_cuts() -> None:
    # The trap itself: 4.004 s rounded to 4.01 s skips a cut in time.
    times = np.arange(0, 1000, dtype=np.int64) * 60_060
    assert segment_starts(times, int(4.01 * 30_000)) != tuple(range(0, 1000, 2))


def test_hours_in_a_clock_too_coarse_for_the_rate_are_cut_by_time() -> None:
    # 600 ticks a second cannot say 4.004 s: no whole number of ticks keeps the grid for half a day.
    fps = Fraction(30_000, 1001)
    grid = frame_grid(gop_s=2, segment_s=4, fps=fps)
    times = np.arange(int(12 * 3600 * fps), dtype=np.int64)[:: grid.gop] * 600 * 1001 // 30_000
    chosen = choose_segment_duration(times, gops=2, timescale=600, segment_s=grid.segment_s)
    assert not chosen.on_grid
    assert packager_cuts(times.tolist(), chosen.option, 600) == chosen.first
    assert max(np.diff(times[list(chosen.first)])) <= 6 * 600 + 7
    assert choose_segment_duration(times[:1800], gops=2, timescale=600, segment_s=grid.segment_s).on_grid


def test_no_keyframe_is_no_segment() -> None:
    assert segment_starts(np.zeros(0, np.int64), 10) == ()


def test_durations_add_up_to_the_end_whatever_their_fractions() -> None:
    text = "#EXTM3U\n" + "#EXTINF:0.333,\nx.m4s\n" * 900
    told = with_exact_durations(text, [Fraction(1, 3)] * 900)
    values = [Fraction(line[8:-1]) for line in told.splitlines() if line.startswith("#EXTINF:")]
    assert abs(sum(values, Fraction(-300))) < Fraction(1, 1_000_000)
    assert all(abs(value - Fraction(1, 3)) < Fraction(1, 900_000) for value in values)


MPD = """<?xml version="1.0" encoding="UTF-8"?>
<!--Generated with https://example.org/packager version 1-->
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1H1M2.5S">
  <Period id="0">
    <AdaptationSet id="0" contentType="video">
      <Representation id="0">
        <SegmentTemplate timescale="10" initialization="a.b/init.mp4" media="a.b/$Number%05d$.m4s"
            startNumber="1">
          <SegmentTimeline>
            <S t="5" d="40" r="1"/>
            <S t="86" d="7"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"""


def test_a_timeline_is_read_and_written_with_its_repeats() -> None:
    length, (before,) = read_mpd(MPD, "x")
    assert length == Fraction(36_625, 10)
    assert (before.starts, before.ends) == ((5, 45, 86), (45, 85, 93))
    assert before.media == ("a.b/00001.m4s", "a.b/00002.m4s", "a.b/00003.m4s")
    text = with_timeline(
        with_presentation_duration(MPD, Fraction(93, 10)), "a.b/init.mp4", [5, 45, 85, 90], 93
    )
    length, (after,) = read_mpd(text, "x")
    assert length == after.end_s == Fraction(93, 10)
    assert (after.starts, after.ends) == ((5, 45, 85, 90), (45, 85, 90, 93))
    assert '<S t="5" d="40" r="1"/>' in text


def test_the_packagers_signature_is_dropped_and_nothing_else() -> None:
    assert without_signature(MPD) == "".join(
        line for line in MPD.splitlines(keepends=True) if "Generated" not in line
    )
    playlist = "#EXTM3U\n## Generated with https://example.org version 1\n#EXT-X-ENDLIST\n"
    assert without_signature(playlist) == "#EXTM3U\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<MPD", '<!DOCTYPE x [<!ENTITY a "b">]><MPD'),
        ('d="7"', 'd="0"'),
        ('r="1"', 'r="999999999"'),
        ('r="1"', 'r="-1"'),
        ("PT1H1M2.5S", "P1Y"),
        ('timescale="10"', 'timescale="x"'),
        ("</MPD>", ""),
    ],
)
def test_an_mpd_that_is_none_is_a_failed_proof(before: str, after: str) -> None:
    assert before in MPD
    with pytest.raises(ProofError):
        read_mpd(MPD.replace(before, after), "x")
