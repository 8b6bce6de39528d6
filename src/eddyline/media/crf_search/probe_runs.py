"""Selects the runs of frames to probe, within a share of the estimated CPU time of the encode.

The positions depend on a seed, the plan and the index of the source alone: they are the same in every run and
on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm, sqrt
from typing import Final

import numpy as np

from eddyline.core.identity import digest
from eddyline.media.ladder.chunks import Chunk
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.ladder.encoders import is_hardware
from eddyline.media.ladder.ladder import Rung
from eddyline.media.quality.comparison import is_measurable
from eddyline.media.quality.metrics import Metric, is_defined
from eddyline.media.source.source import VideoFacts
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import Presentation

LENGTH: Final = 10
"""Frames of a run, of the rung with the fewest frames."""
MEASURED: Final = range(1, 5)
"""The measured frames of a run. The keyframe is left out, which is better than the mean, and so are the last
frames: with nothing to look ahead to, encoders spend fewer bits on them (x264: 4 to 7 VMAF less)."""
SHARE: Final = 0.12
"""The part of the estimated CPU time of the encode that the probes may cost, beyond the fewest probes."""
_MIN_PROBES: Final = 3  # also of a source for which they cost more
_MAX_PROBES_PER_CHUNK: Final = 4  # more would not change the choice
_USUAL_LEAD: Final = 8  # frames decoded before a run
_JOB_CPU_S: Final = 40.0  # the target of a chunk (`media/ladder/chunks.py`)
_MAX_JOBS: Final = 256
_SNAP_S: Final = 1  # a run starts at the source's keyframe if that is at most so many seconds before
_START_S: Final = 0.16  # of the two FFmpeg commands of a probe
# CPU nanoseconds per pixel: to decode and compare a frame, and of its VMAF.
_COMPARE, _VMAF = 8, 32
_GOLDEN: Final = (sqrt(5) - 1) / 2


@dataclass(frozen=True, kw_only=True)
class Run:
    """The source frames [start, stop) of chunk number `chunk` of the asset."""

    chunk: int
    start: int
    stop: int


def is_searchable(facts: VideoFacts, rung: Rung) -> bool:
    """Whether the CRF of a rung can be found: VMAF is defined for it, and a CPU encodes it."""
    return (
        is_measurable(facts, rung)
        and is_defined(Metric.VMAF, rung.width, rung.height)
        and not is_hardware(rung.encoder)
    )


def run_length(rungs: Sequence[Rung]) -> int:
    """The number of source frames of a run."""
    return LENGTH * lcm(*(rung.source_step for rung in rungs))


def probe_cpu_s(facts: VideoFacts, rungs: Sequence[Rung]) -> float:
    """The estimated CPU seconds of one probe of `rungs`: the run is decoded twice, and encoded once."""
    length = run_length(rungs)
    shown = length * MEASURED.stop // LENGTH
    pixels = sum(rung.width * rung.height * rung.frame_count(shown) for rung in rungs)
    decoding = estimate_cpu_s(shown + 2 * _USUAL_LEAD, (), facts)
    encoding = estimate_cpu_s(length, rungs, facts)
    return _START_S + encoding + decoding + pixels * (_COMPARE + _VMAF) / 1e9


def probe_count(facts: VideoFacts, rungs: Sequence[Rung], chunks: int) -> int:
    """The number of probes of one codec family that has `chunks` chunks."""
    budget_s = SHARE * estimate_cpu_s(facts.frames, rungs, facts)
    most = _MAX_PROBES_PER_CHUNK * max(chunks, 2)
    return min(max(round(budget_s / probe_cpu_s(facts, rungs)), _MIN_PROBES), most)


def job_count(facts: VideoFacts, rungs: Sequence[Rung], chunks: int) -> int:
    """The number of jobs that probe one codec family, each about 40 CPU seconds."""
    total_s = probe_count(facts, rungs, chunks) * probe_cpu_s(facts, rungs)
    return min(max(round(total_s / _JOB_CPU_S), 1), _MAX_JOBS, chunks)


def plan_runs(
    chunks: Sequence[Chunk],
    count: int,
    length: int,
    *,
    shown: Presentation,
    track: Track,
    fps: float,
    seed: str,
) -> tuple[Run, ...]:
    """At most `count` runs of `length` frames, spread evenly over the chunks and over their frames.

    A run starts at a keyframe of the source where one is near, because all frames since the keyframe are
    decoded. Runs do not overlap. In the order in which they are probed: the first ones are far apart.
    """
    keyframes = np.sort(np.flatnonzero(track.samples.sync[shown.sample]))
    first = int(digest(seed)[:8], 16) / 16**8  # from 0 to 1
    runs: list[Run] = []
    for number, chunk in enumerate(_spread(chunks, count)):
        low, high = chunk.source_range
        share = (first + number * _GOLDEN) % 1
        start = low + int(share * max(high - low - length + 1, 1))
        before = int(np.searchsorted(keyframes, start, side="right")) - 1
        near = int(keyframes[before]) if before >= 0 else -1
        candidates = [near] if near >= max(low, start - fps * _SNAP_S) else []
        for candidate in (*candidates, start):
            run = Run(chunk=chunk.index, start=candidate, stop=min(candidate + length, high))
            if not any(each.start < run.stop and run.start < each.stop for each in runs):
                runs.append(run)
                break
    return tuple(sorted(runs, key=lambda run: (run.start * _GOLDEN / length) % 1))


def _spread(chunks: Sequence[Chunk], count: int) -> list[Chunk]:
    """`count` chunks: each equally often, or if there are more chunks, evenly spread."""
    return [chunks[(2 * number + 1) * len(chunks) // (2 * count)] for number in range(count)]
