from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.media.rungs import RUNG_1080

from eddyline.core.errors import UnsupportedError
from eddyline.media.ladder.chunks import Grid, frame_grid, plan_chunks
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.source import VideoFacts


@pytest.mark.parametrize(
    ("fps", "gop", "segment"),
    [
        (Fraction(24000, 1001), 48, 96),
        (Fraction(25), 50, 100),
        (Fraction(30000, 1001), 60, 120),
        # Truncating 4 s would give 239 frames.
        (Fraction(60000, 1001), 120, 240),
        (Fraction(120), 240, 480),
        (Fraction(1, 2), 1, 2),
        # One frame lasts longer than segment_s.
        (Fraction(1, 10), 1, 1),
    ],
)
def test_a_grid_has_whole_frames_at_every_rate(fps: Fraction, gop: int, segment: int) -> None:
    grid = frame_grid(gop_s=2.0, segment_s=4.0, fps=fps)
    assert (grid.gop, grid.segment) == (gop, segment)
    assert grid.segment_s == segment / fps


def test_the_frame_rate_for_encoders_has_a_minimum() -> None:
    assert Grid(gop=1, segment=1, fps=Fraction(1, 3600)).encoder_fps == Fraction(1, 20)
    assert Grid(gop=60, segment=120, fps=Fraction(30000, 1001)).encoder_fps == Fraction(30000, 1001)


def test_half_frames_are_rounded_up() -> None:
    assert [frame_grid(gop_s=0.1, segment_s=0.1, fps=Fraction(fps)).gop for fps in (15, 25, 35)] == [2, 3, 4]


@given(
    frames=st.integers(1, 400_000),
    gop=st.integers(1, 300),
    per_segment=st.integers(1, 4),
    preset=st.sampled_from(["ultrafast", "veryfast", "slower"]),
)
def test_chunks_cover_every_frame_once_on_the_grid(
    frames: int, gop: int, per_segment: int, preset: str
) -> None:
    grid = Grid(gop=gop, segment=gop * per_segment, fps=Fraction(30))
    rung = Rung(**{**RUNG_1080.to_json(), "preset": preset})
    chunks = plan_chunks(frames, grid, (rung,))
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert chunks[0].start == 0
    assert chunks[-1].stop == frames
    assert all(left.stop == right.start for left, right in pairwise(chunks))
    assert all(chunk.start % grid.segment == 0 and chunk.frames > 0 for chunk in chunks)
    segments = [-(-chunk.frames // grid.segment) for chunk in chunks]
    assert max(segments) - min(segments) <= 1


def test_a_chunk_of_a_long_source_takes_about_forty_cpu_seconds() -> None:
    grid = frame_grid(gop_s=2.0, segment_s=4.0, fps=Fraction(60))
    chunks = plan_chunks(60 * 60 * 30, grid, (RUNG_1080,))
    costs = [estimate_cpu_s(chunk.frames, (RUNG_1080,)) for chunk in chunks]
    assert 30 <= min(costs) <= max(costs) <= 50


def test_a_short_source_is_split_for_several_cores() -> None:
    grid = frame_grid(gop_s=2.0, segment_s=4.0, fps=Fraction(30))
    small = Rung(**{**RUNG_1080.to_json(), "width": 640, "height": 360})
    assert len(plan_chunks(4 * grid.segment, grid, (small,))) == 1
    assert len(plan_chunks(4 * grid.segment + 1, grid, (small,))) == 4


def test_a_clip_of_a_few_segments_is_split_if_its_chunks_are_worth_starting_a_program() -> None:
    grid = frame_grid(gop_s=2.0, segment_s=4.0, fps=Fraction(60))
    assert 11 < estimate_cpu_s(4 * 60, (RUNG_1080,)) < 12
    assert [len(plan_chunks(seconds * 60, grid, (RUNG_1080,))) for seconds in (2, 4, 5, 8, 12, 16)] == [
        *(1, 1, 1, 2, 3, 4)
    ]


def test_a_source_without_frames_is_rejected() -> None:
    with pytest.raises(UnsupportedError, match="no frame"):
        plan_chunks(0, Grid(gop=1, segment=1, fps=Fraction(1)), (RUNG_1080,))


def test_larger_sources_and_those_of_higher_bit_depth_cost_more() -> None:
    plain = VideoFacts(
        codec="h264",
        width=1920,
        height=1080,
        fps=Fraction(60),
        frames=60,
        pixel_format="yuv420p",
        timescale=60,
    )
    deep = VideoFacts(**{**vars(plain), "codec": "hevc", "pixel_format": "yuv420p10le"})
    hdr = VideoFacts(**{**vars(deep), "transfer": "smpte2084"})
    larger = VideoFacts(**{**vars(plain), "width": 3840, "height": 2160})
    costs = [estimate_cpu_s(60, (RUNG_1080,), facts) for facts in (plain, deep, hdr)]
    assert costs == sorted(set(costs))
    assert estimate_cpu_s(60, (RUNG_1080,), larger) > costs[0]
    # measured on an idle 2-core machine: 480 frames of this rung in 21.0 CPU s
    assert estimate_cpu_s(480, (RUNG_1080,), plain) == pytest.approx(21.0, rel=0.2)
