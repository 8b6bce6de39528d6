"""Which of a stream's samples each KLV of a payload's tree holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eddyline.gpmf.klv import HEADER, Klv
from eddyline.gpmf.telemetry import Telemetry


@dataclass(frozen=True, kw_only=True)
class SampleRun:
    """A KLV of samples: the stream's samples [first, first + count); a step is one sample, whole."""

    label: str
    first: int
    count: int
    step: bool

    @property
    def last(self) -> int:
        """The first sample behind it."""
        return self.first + self.count


class SampleRuns:
    """The runs of a recording, by where a KLV's header lies in the joined payloads (its offset)."""

    def __init__(self, found: Telemetry) -> None:
        self._runs: dict[int, SampleRun] = {}
        for label, stream in found.streams.items():
            pieces = stream.pieces
            counts = np.where(pieces.step, 1, pieces.holding.repeat)
            before = np.cumsum(counts) - counts
            for at, first, count, step in zip(
                (pieces.holding.at - HEADER.size).tolist(),
                before.tolist(),
                counts.tolist(),
                pieces.step.tolist(),
                strict=True,
            ):
                self._runs[at] = SampleRun(label=label, first=first, count=count, step=step)

    def of(self, node: Klv) -> SampleRun | None:
        """What this KLV holds; None if it is no KLV of samples, or none of the source."""
        return self._runs.get(node.offset)

    def within(self, strm: Klv) -> list[tuple[Klv, SampleRun]]:
        """The KLVs of samples of a STRM, in order."""
        return [(child, run) for child in strm.children if (run := self.of(child)) is not None]

    def label(self, node: Klv) -> str:
        """Which stream a STRM is part of; "" for anything else."""
        found = self.within(node) if node.is_nest else []
        return found[0][1].label if found else ""
