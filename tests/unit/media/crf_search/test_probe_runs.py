"""The frames that are probed: in the chunks, without overlaps, the same in every run, within the budget."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.media.crf_search.rungs import rung
from tests.unit.pipeline.source_facts import facts

from eddyline.media.crf_search.probe_runs import (
    SHARE,
    Run,
    is_searchable,
    job_count,
    plan_runs,
    probe_count,
    probe_cpu_s,
    run_length,
)
from eddyline.media.ladder.chunks import Chunk
from eddyline.media.ladder.cost import estimate_cpu_s

RUNGS = [rung(height) for height in (1080, 720, 480, 360)]


def _runs(frames: int, chunks: int, count: int, *, gop: int = 30, seed: str = "seed") -> tuple[Run, ...]:
    cuts = [frames * at // chunks for at in range(chunks + 1)]
    pieces = [Chunk(index=at, start=cuts[at], stop=cuts[at + 1]) for at in range(chunks)]
    shown: Any = SimpleNamespace(sample=np.arange(frames))
    track: Any = SimpleNamespace(samples=SimpleNamespace(sync=np.arange(frames) % gop == 0))
    return plan_runs(pieces, count, 12, shown=shown, track=track, fps=30.0, seed=seed)


@given(
    frames=st.integers(1, 2000),
    chunks=st.integers(1, 9),
    count=st.integers(1, 30),
    gop=st.integers(1, 300),
)
def test_runs_lie_in_their_chunks_and_do_not_overlap(frames: int, chunks: int, count: int, gop: int) -> None:
    chunks = min(chunks, frames)
    runs = _runs(frames, chunks, count, gop=gop)
    assert 1 <= len(runs) <= count
    ordered = sorted(runs, key=lambda run: run.start)
    assert all(one.stop <= two.start for one, two in pairwise(ordered))
    for run in runs:
        assert frames * run.chunk // chunks <= run.start < run.stop <= frames * (run.chunk + 1) // chunks


def test_the_same_seed_gives_the_same_runs_and_another_one_others() -> None:
    assert _runs(1800, 4, 8, gop=1) == _runs(1800, 4, 8, gop=1)
    assert _runs(1800, 4, 8, gop=1) != _runs(1800, 4, 8, gop=1, seed="other")


def test_runs_start_at_keyframes_that_are_near() -> None:
    assert all(run.start % 15 == 0 for run in _runs(1800, 4, 8, gop=15))


def test_every_chunk_has_a_run_if_there_are_enough() -> None:
    assert {run.chunk for run in _runs(1800, 6, 6)} == set(range(6))


def test_the_probes_of_a_long_source_cost_a_fixed_share_of_its_encode() -> None:
    video = facts(frames=20_000).video
    count = probe_count(video, RUNGS, chunks=40)
    share = count * probe_cpu_s(video, RUNGS) / estimate_cpu_s(video.frames, RUNGS, video)
    assert 0.95 * SHARE < share <= 1.05 * SHARE
    assert 1 < job_count(video, RUNGS, chunks=40) < 40


def test_a_short_source_gets_a_few_probes_in_one_job() -> None:
    video = facts(frames=60).video
    assert probe_count(video, RUNGS, chunks=1) == 3
    assert job_count(video, RUNGS, chunks=1) == 1


def test_a_rung_that_shows_every_second_frame_has_runs_of_twice_the_length() -> None:
    assert run_length(RUNGS) == 10
    slow = [*RUNGS, rung(240)]
    object.__setattr__(slow[-1], "frame_step", 2)
    assert run_length(slow) == 20


def test_hardware_encoders_and_tiny_frames_have_no_search() -> None:
    video = facts().video
    assert is_searchable(video, rung(720))
    assert not is_searchable(video, rung(720, encoder="h264_nvenc"))
    assert not is_searchable(video, rung(16))
    assert video.fps == Fraction(30000, 1001)
