"""The samples of a stream that a cut keeps, and the payloads that contain them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eddyline.gpmf.payloads import Int64s
from eddyline.gpmf.streams import Stream

TIME_TOLERANCE_S = 1e-9  # a sample at the exact start is kept despite floating-point rounding


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptSamples:
    """The kept samples [start, stop) of one stream.

    `before` and `inside` have one entry per piece: the number of samples before it, and of its kept
    samples. `total` has one entry per payload: the kept samples up to its end, in the payloads of the cut.
    """

    start: int
    stop: int
    before: Int64s
    inside: Int64s
    total: Int64s


def select_samples(
    stream: Stream, start_s: float, end_s: float, *, ends: tuple[int, int], payloads: int
) -> KeptSamples:
    """Keep the samples of the movie time [start_s, end_s).

    They are stored in payloads `ends[0]` to `ends[1]` (both included) of the source, which has `payloads`.
    """
    start, stop = np.searchsorted(
        stream.times, [start_s - TIME_TOLERANCE_S, end_s - TIME_TOLERANCE_S]
    ).tolist()
    samples = stream.pieces.samples
    before = np.cumsum(samples) - samples
    inside = np.clip(np.minimum(before + samples, stop) - np.maximum(before, start), 0, None)
    target = np.clip(stream.pieces.payload, *ends)
    total = np.zeros(payloads, np.int64)
    np.add.at(total, target, inside)
    return KeptSamples(
        start=start, stop=max(start, stop), before=before, inside=inside, total=np.cumsum(total)
    )
