"""Whether cutting costs quality: VMAF of a chunked rendition against a one-shot encode, and its buffer."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from eddyline.core.process import Runner
from eddyline.media.ladder.ladder import Rung
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.quality import BufferFullness, Vmaf, measure_vmaf, simulate_file


@dataclass(frozen=True)
class Compared:
    """One rung both ways; `delta` is how much VMAF the chunks lost (positive: worse)."""

    chunked: Vmaf
    one_shot: Vmaf
    buffer: BufferFullness
    bytes_ratio: float

    @property
    def delta(self) -> float:
        return self.one_shot.mean - self.chunked.mean


def compare(
    source: Path, chunked: Path, one_shot: Path, rung: Rung, fps: Fraction, *, tools: Toolchain
) -> Compared:
    """Measure both encodes of `source` (MP4 files), and play the chunked one through its rung's buffer."""
    with tempfile.TemporaryDirectory() as work:
        seen = [
            measure_vmaf(source, each, tools=tools, runner=Runner(), work=Path(work))
            for each in (chunked, one_shot)
        ]
    return Compared(
        chunked=seen[0],
        one_shot=seen[1],
        buffer=simulate_file(chunked, rung.maxrate_kbps, rung.bufsize_kbps, fps),
        bytes_ratio=chunked.stat().st_size / one_shot.stat().st_size,
    )
