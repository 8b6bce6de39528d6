"""Which of a stream's samples each KLV of a payload's tree contains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eddyline.gpmf.format.klv import HEADER, Klv
from eddyline.gpmf.telemetry import Telemetry


@dataclass(frozen=True, kw_only=True)
class SampleRun:
    """A KLV of samples: the stream's samples [first, first + count); a step is one complete sample."""

    label: str
    first: int
    count: int
    step: bool

    @property
    def stop(self) -> int:
        """The number after the last sample."""
        return self.first + self.count


class SampleRuns:
    """The runs of a recording, by the offset of a KLV's header in the joined payloads."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._runs: dict[int, SampleRun] = {}
        for label, stream in telemetry.streams.items():
            pieces = stream.pieces
            counts = np.where(pieces.step, 1, pieces.sample_rows.repeat)
            before = np.cumsum(counts) - counts
            for at, first, count, step in zip(
                (pieces.sample_rows.at - HEADER.size).tolist(),
                before.tolist(),
                counts.tolist(),
                pieces.step.tolist(),
                strict=True,
            ):
                self._runs[at] = SampleRun(label=label, first=first, count=count, step=step)

    def find(self, node: Klv) -> SampleRun | None:
        """The run of this KLV; None if it contains no samples, or is not from the source."""
        return self._runs.get(node.offset)

    def in_strm(self, strm: Klv) -> list[tuple[Klv, SampleRun]]:
        """The KLVs of samples in a STRM, in order."""
        return [(child, run) for child in strm.children if (run := self.find(child)) is not None]

    def label(self, node: Klv) -> str:
        """The label of the stream of a STRM; "" for anything else."""
        runs = self.in_strm(node) if node.is_nest else []
        return runs[0][1].label if runs else ""
