"""The cost of chunked encoding in quality: VMAF against a one-shot encode, and the player's buffer."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from benchmarks.quality_metrics import BufferFullness, Vmaf, measure_vmaf, simulate_file
from eddyline.core.process import Runner
from eddyline.media.ladder.ladder import Rung
from eddyline.media.toolchain import Toolchain


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
    source: Path, chunked: Path, one_shot: Path, rung: Rung, fps: Fraction, *, tools: Toolchain
) -> Comparison:
    """Measure both encodes of `source` (MP4 files), and simulate the buffer for the chunked one."""
    with tempfile.TemporaryDirectory() as work:
        scores = [
            measure_vmaf(source, each, tools=tools, runner=Runner(), work=Path(work))
            for each in (chunked, one_shot)
        ]
    return Comparison(
        chunked=scores[0],
        one_shot=scores[1],
        buffer=simulate_file(chunked, rung.maxrate_kbps, rung.bufsize_kbps, fps),
        bytes_ratio=chunked.stat().st_size / one_shot.stat().st_size,
    )
