"""The sampled frames are spread over the source, equal in every run, and cost a share of the encode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from tests.unit.media.rungs import RUNG_1080

from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.quality.sampling import (
    INTERVAL,
    SamplingCosts,
    batches,
    interval,
    plan_windows,
    sampling_jobs,
)
from eddyline.media.quality.windows import Window
from eddyline.media.source.source import VideoFacts
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import Presentation

RUNGS = (
    RUNG_1080,
    replace(RUNG_1080, name="720p", width=1280, height=720),
    replace(RUNG_1080, name="480p", width=854, height=480),
    replace(RUNG_1080, name="360p", width=640, height=360),
)
GRID = Grid(gop=60, segment=120, fps=Fraction(30))


def facts(frames: int, **values: object) -> VideoFacts:
    made = VideoFacts(
        codec="h264",
        width=1920,
        height=1080,
        fps=Fraction(30),
        frames=frames,
        pixel_format="yuv420p",
        timescale=30,
    )
    return replace(made, **values)  # type: ignore[arg-type]


def costs(frames: int, step: int = 1) -> SamplingCosts:
    rungs = [replace(rung, frame_step=step if rung.height < 720 else 1) for rung in RUNGS]
    return SamplingCosts(facts=facts(frames), rungs=rungs, grid=GRID)


def index(frames: int, gop: int = 30) -> tuple[Presentation, Track]:
    """A source without reordering, with a keyframe every `gop` frames."""
    numbers = np.arange(frames)
    shown = Presentation(sample=numbers, pts=numbers, end=frames)
    return shown, cast("Track", SimpleNamespace(samples=SimpleNamespace(sync=numbers % gop == 0)))


def plan(frames: int, gop: int = 30, step: int = 1) -> tuple[Window, ...]:
    return plan_windows(*index(frames, gop), costs(frames, step))


def seconds(windows: Sequence[Window], gop: int) -> float:
    """The cost of the windows by an independent sum."""
    pixels = sum(rung.width * rung.height for rung in RUNGS)
    total = 0.0
    for window in windows:
        total += (window.start % GRID.gop + 8) * pixels * 3 + (window.start % gop + 8) * 1920 * 1080 * 3
        total += 6 * pixels * 4 + 2 * pixels * 26
    return total / 1e9


@pytest.mark.parametrize("gop", [1, 15, 60, 250])
@pytest.mark.parametrize("frames", [600, 1800, 9000, 200_000])
def test_the_windows_cost_at_most_a_tenth_of_the_encode(frames: int, gop: int) -> None:
    windows = plan(frames, gop)
    encode_s = estimate_cpu_s(frames, RUNGS, facts(frames))
    assert seconds(windows, gop) <= 0.1 * encode_s
    assert 4 <= len(windows) <= 128 or gop == 250


@pytest.mark.parametrize("frames", [600, 720, 1801, 9000])
def test_the_windows_cover_start_middle_and_end(frames: int) -> None:
    windows = plan(frames)
    assert windows == plan(frames)
    parts = {min(window.start * 4 // frames, 3) for window in windows}
    assert parts == {0, 1, 2, 3}
    assert all(before.stop <= after.start for before, after in pairwise(windows))
    assert windows[0].start >= 0
    assert windows[-1].stop <= frames


def test_the_windows_cover_all_positions_in_a_gop() -> None:
    positions = [window.start % GRID.gop * 6 // GRID.gop for window in plan(20_000)]
    counts = [positions.count(part) for part in range(6)]
    assert min(counts) >= 0.6 * max(counts)


@pytest.mark.parametrize("frames", range(1, 40))
@pytest.mark.parametrize("step", [1, 2])
def test_a_short_clip_is_measured_with_one_window(frames: int, step: int) -> None:
    (window,) = plan(frames, step=step)
    assert 0 <= window.start <= window.first < window.last <= window.stop <= frames
    if frames < 8 * step:
        assert (window.start, window.first, window.last) == (0, 0, frames)
        assert interval([window]) == 1
    else:
        assert interval([window]) == INTERVAL


@pytest.mark.parametrize("frames", [9, 40, 720, 9000])
def test_every_measured_frame_has_both_neighbours_in_its_window(frames: int) -> None:
    windows = plan(frames)
    for group in batches(windows, costs(frames)):
        place = 0
        for window in group:
            measured = [
                frame
                for at, frame in enumerate(range(window.start, window.stop), place)
                if at % INTERVAL == 0 and window.first <= frame < window.last
            ]
            assert len(measured) == 2
            assert all(window.start < frame < window.stop - 1 for frame in measured)
            place += window.stop - window.start


def test_commands_decode_a_bounded_number_of_pixels_at_once() -> None:
    assert costs(720).windows_at_once == 12
    large = SamplingCosts(facts=facts(720, width=7680, height=4320), rungs=RUNGS, grid=GRID)
    assert large.windows_at_once == 1


def test_the_work_is_divided_into_jobs_like_chunks() -> None:
    assert sampling_jobs(facts(60), RUNGS, GRID) == 1
    assert sampling_jobs(facts(720), RUNGS, GRID) == 1
    assert sampling_jobs(facts(10_000_000), RUNGS, GRID) in {2, 3}  # a long source is not measured for hours
    hdr = facts(720, transfer="smpte2084", pixel_format="yuv420p10le")
    assert sampling_jobs(hdr, [replace(RUNG_1080, keep_hdr=True)], GRID) == 0
    assert sampling_jobs(hdr, RUNGS, GRID) == 1
