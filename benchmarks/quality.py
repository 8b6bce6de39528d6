"""The cost of chunked encoding in quality: VMAF against a one-shot encode, and the player's buffer."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from benchmarks.quality_metrics import BufferFullness, Vmaf, measure_vmaf, simulate_file
from eddyline.core.errors import UsageError
from eddyline.core.processes.runner import Runner
from eddyline.media.ladder.ladder import Rung
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges


@dataclass(frozen=True)
class Comparison:
    """One rung encoded both ways; `delta` is the VMAF that chunking loses (positive: worse)."""

    chunked: Vmaf
    one_shot: Vmaf
    buffer: BufferFullness
    bytes_ratio: float

    @property
    def delta(self) -> float:
        return self.one_shot.mean - self.chunked.mean


def compare(
    source: Path,
    chunked: Path,
    one_shot: Path,
    rung: Rung,
    fps: Fraction,
    *,
    tools: Toolchain,
    step: int = 1,
) -> Comparison:
    """Measure every `step`-th frame of both encodes of `source`, and simulate the buffer for the chunked one.

    All files are MP4. `bytes_ratio` is that of the video samples: chunked to one-shot.
    """
    with tempfile.TemporaryDirectory() as work:
        scores = [
            measure_vmaf(source, each, tools=tools, runner=Runner(), work=Path(work), step=step)
            for each in (chunked, one_shot)
        ]
    return Comparison(
        chunked=scores[0],
        one_shot=scores[1],
        buffer=simulate_file(chunked, rung.maxrate_kbps, rung.bufsize_kbps, fps),
        bytes_ratio=_video_bytes(chunked) / _video_bytes(one_shot),
    )


def _video_bytes(path: Path) -> int:
    with FileRanges(path) as source:
        video = read_movie(source).first_track("video")
    if video is None:
        raise UsageError(f"{path} has no video")
    return int(video.samples.size.sum())
