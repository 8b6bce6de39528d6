"""The frames to compare follow from the plan and cost a limited share of the encode."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from eddyline.media.frame_verification.sample_plan import SamplePlan, consecutive_ranges, plan_samples
from eddyline.media.ladder import chunks, ladder, profile
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.source.source import VideoFacts
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import Presentation


def _plan(frames: int, *, every: int, rate: int = 60) -> tuple[SamplePlan, list[int], VideoFacts]:
    """Returns the sample plan, joins and facts of a 1080p source with a keyframe every `every` frames."""
    facts = VideoFacts(
        codec="h264", width=1920, height=1080, fps=Fraction(rate), frames=frames, pixel_format="yuv420p",
        timescale=15360,
    )  # fmt: skip
    rungs = ladder.rungs(profile.load_profile("default"), facts)
    grid = chunks.frame_grid(gop_s=2.0, segment_s=4.0, fps=facts.fps)
    cuts = chunks.plan_chunks(frames, grid, rungs)
    numbers = np.arange(frames, dtype=np.int64)
    shown = Presentation(sample=numbers, pts=numbers * 256, end=frames * 256)
    track = cast("Track", SimpleNamespace(samples=SimpleNamespace(sync=numbers % every == 0)))
    return plan_samples(shown, track, facts, cuts, grid, rungs), [each.start for each in cuts[1:]], facts


def _pixels(plan: SamplePlan, every: int, facts: VideoFacts) -> int:
    return sum((each.stop - each.start // every * every) * facts.width * facts.height for each in plan.ranges)


def test_the_first_and_last_frame_and_all_joins_of_a_short_clip_are_compared() -> None:
    plan, joins, _ = _plan(1800, every=60)
    compared = set(plan.frames["360p"])
    assert {0, 1799, *joins} <= compared
    assert any(join - 1 in compared for join in joins)
    assert all({0, *joins} <= set(frames) for frames in plan.frames.values())
    assert plan.ranges[-1].to_end
    assert SamplePlan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize("every", [1, 15, 60, 250, 1800])
@pytest.mark.parametrize("frames", [1, 2, 3, 60, 1800, 200_000])
def test_decoding_the_source_costs_at_most_its_budget(frames: int, every: int) -> None:
    plan, _, facts = _plan(frames, every=every)
    rungs = ladder.rungs(profile.load_profile("default"), facts)
    seconds = _pixels(plan, every, facts) * 5 / 10**9
    assert seconds <= max(0.018 * estimate_cpu_s(frames, rungs, facts), 0.6)
    assert all(0 in frames for frames in plan.frames.values())


def test_a_long_recording_is_compared_at_a_few_dozen_positions_at_most() -> None:
    plan, joins, _ = _plan(216_000, every=60)
    assert len(joins) > 24
    assert 20 <= len(plan.ranges) <= 30


def test_ranges_do_not_overlap_and_are_within_the_source() -> None:
    plan, _, _ = _plan(1801, every=60)
    bounds = [(each.start, each.stop) for each in plan.ranges]
    assert bounds == sorted(bounds)
    assert all(a[1] < b[0] for a, b in pairwise(bounds))
    assert bounds[-1][1] == 1801
    inside = {frame for first, last in bounds for frame in range(first, last)}
    assert all(set(frames) <= inside for frames in plan.frames.values())


def test_consecutive_frames_become_ranges() -> None:
    assert consecutive_ranges([7, 3, 4, 9, 8, 3]) == [(3, 5), (7, 10)]
    assert consecutive_ranges([]) == []
