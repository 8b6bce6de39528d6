"""The samples of a stream that a window keeps, and in which payloads they are to lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eddyline.gpmf.payloads import Int64s
from eddyline.gpmf.streams import Stream

TIME_TOLERANCE_S = 1e-9  # a sample at the very start of the window is in it, whatever floats make of its time


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptSamples:
    """The samples [first, last) of one stream that are kept.

    `before` and `inside` have one entry a piece: samples before it, and how many of its own are kept; `total`
    one a payload: samples kept up to its end, in the payloads where they are to lie.
    """

    first: int
    last: int
    before: Int64s
    inside: Int64s
    total: Int64s


def select_samples(
    stream: Stream, start_s: float, end_s: float, *, ends: tuple[int, int], payloads: int
) -> KeptSamples:
    """Keep the samples of the movie time [start_s, end_s).

    They are to lie in payloads `ends[0]` to `ends[1]` (both included) of the source's, of which there are
    `payloads`.
    """
    begin, end = np.searchsorted(
        stream.times, [start_s - TIME_TOLERANCE_S, end_s - TIME_TOLERANCE_S]
    ).tolist()
    samples = stream.pieces.samples
    before = np.cumsum(samples) - samples
    inside = np.clip(np.minimum(before + samples, end) - np.maximum(before, begin), 0, None)
    target = np.clip(stream.pieces.payload, *ends)
    total = np.zeros(payloads, np.int64)
    np.add.at(total, target, inside)
    return KeptSamples(
        first=begin, last=max(begin, end), before=before, inside=inside, total=np.cumsum(total)
    )
