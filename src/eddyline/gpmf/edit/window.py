"""Telemetry of a stretch of a recording: exactly the samples taken within it, in payloads that begin with it.

Payloads in the middle stay byte for byte what they were, but for TSMP. The payloads at both ends are built
anew: samples outside are left out, samples that a neighbouring payload holds are taken in, and what tells
their time (STMP, TICK, TOCK, GPSU) moves to the first sample kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eddyline.gpmf.decode import FRAME_KEYS
from eddyline.gpmf.edit.boundary_payloads import BoundaryPayloads
from eddyline.gpmf.edit.kept_samples import TIME_TOLERANCE_S, KeptSamples, select_samples
from eddyline.gpmf.index import key_code
from eddyline.gpmf.payloads import Payloads
from eddyline.gpmf.streams import Stream
from eddyline.gpmf.telemetry import Telemetry

_MICROSECONDS = 1e6


@dataclass(frozen=True, kw_only=True, eq=False)
class TelemetryCut:
    """What lies in a stretch of a recording.

    `payloads[k]` stands for the source's payloads `spans[k]` (first and last, both included); its time is
    theirs, cut to the stretch. `kept` has, for each stream's label, the samples [i, j) of the source in it.
    """

    payloads: tuple[bytes, ...]
    spans: tuple[tuple[int, int], ...]
    kept: Mapping[str, tuple[int, int]]


def cut_telemetry(found: Telemetry, start_s: float, end_s: float) -> TelemetryCut:
    """The telemetry of the movie time [start_s, end_s): of each stream the samples whose time lies in it.

    Raises `GpmfError` where the payloads at the ends cannot be understood.
    """
    payloads = found.payloads
    inside = np.flatnonzero(
        (payloads.end_s > start_s + TIME_TOLERANCE_S) & (payloads.start_s < end_s - TIME_TOLERANCE_S)
    )
    if not len(inside):
        return TelemetryCut(payloads=(), spans=(), kept={})
    first, last = _without_scraps(payloads, int(inside[0]), int(inside[-1]), start_s, end_s)
    begins_s = max(start_s, float(payloads.start_s[inside[0]]))
    kept = {
        label: select_samples(stream, start_s, end_s, ends=(first, last), payloads=len(payloads))
        for label, stream in found.streams.items()
    }
    stamps = _first_stamps(found.streams, kept, payloads, (first, begins_s))
    boundary = BoundaryPayloads(
        found=found, first=first, last=last, kept=kept, stamps=stamps, begins_s=begins_s
    )
    counted = _counted(payloads, found.streams, kept)
    touched = _touched(found.streams, kept, first, last)
    blocks = [
        boundary.payload(number)
        if number in touched
        else bytes(counted[int(payloads.at[number]) : int(payloads.at[number + 1])])
        for number in range(first, last + 1)
    ]
    spans = [[number, number] for number in range(first, last + 1)]
    spans[0][0], spans[-1][1] = int(inside[0]), int(inside[-1])
    return TelemetryCut(
        payloads=tuple(blocks),
        spans=tuple((low, high) for low, high in spans),
        kept={label: (each.first, each.last) for label, each in kept.items()},
    )


def _without_scraps(
    payloads: Payloads, first: int, last: int, start_s: float, end_s: float
) -> tuple[int, int]:
    """The payloads that stand for both ends: what is less than half of one goes to its neighbour.

    Readers lay a line through counts and ends of payloads; a payload of a few samples would tilt it.
    """
    start, end = payloads.start_s, payloads.end_s
    while first < last and end[first] - start_s < (end[first] - start[first]) / 2:
        first += 1
    while first < last and end_s - start[last] < (end[last] - start[last]) / 2:
        last -= 1
    return first, last


def _touched(
    streams: Mapping[str, Stream], kept: Mapping[str, KeptSamples], first: int, last: int
) -> set[int]:
    """The payloads that are built anew: both ends, and those that lose or gain samples of any stream."""
    touched = {first, last}
    for label, stream in streams.items():
        pieces, each = stream.pieces, kept[label]
        partial = pieces.payload[each.inside != pieces.samples]
        touched.update(number for number in partial.tolist() if first <= number <= last)
    return touched


def _counted(payloads: Payloads, streams: Mapping[str, Stream], kept: Mapping[str, KeptSamples]) -> bytearray:
    """All payloads with TSMP counted from the first sample kept."""
    data = bytearray(payloads.data)
    for label, stream in streams.items():
        rows = stream.pieces.rows.of(key_code("TSMP")).at_least(4)
        number = stream.pieces.payload[rows.piece]
        for at, total in zip(rows.at.tolist(), kept[label].total[number].tolist(), strict=True):
            data[at : at + 4] = total.to_bytes(4, "big")
    return data


def _first_stamps(
    streams: Mapping[str, Stream],
    kept: Mapping[str, KeptSamples],
    payloads: Payloads,
    head: tuple[int, float],
) -> dict[str, int]:
    """STMP of each stamped stream's first sample kept, in ticks of the camera's clock.

    A reader takes the zero of that clock from one stream (`timing`, rule 1): this one's stamp is that of the
    window's start, so that all others keep their place to the tick. `head` is the window's first payload and
    when it begins.
    """
    found: dict[str, int] = {}
    ranks: dict[str, tuple[int, int, int]] = {}
    for label, stream in streams.items():
        each = kept[label]
        if stream.timeline.rule != "stamps" or each.first >= each.last:
            continue
        clock = _Clock(stream)
        found[label] = clock.at(float(stream.times[each.first]))
        payload = int(np.flatnonzero(each.total)[0])
        rank = FRAME_KEYS.index(stream.key) if stream.key in FRAME_KEYS else len(FRAME_KEYS)
        ranks[label] = (rank, payload, found[label])
    if ranks:
        label = min(ranks, key=lambda each: ranks[each])
        payload = ranks[label][1]
        own = float(payloads.start_s[payload])
        begins = head[1] if payload == head[0] else own
        if kept[label].first > 0 or begins != own:
            found[label] = max(_Clock(streams[label]).at(begins, late=True), 0)
    return found


class _Clock:
    """Movie time -> ticks of the clock that a stream is stamped by."""

    def __init__(self, stream: Stream) -> None:
        stamps = stream.pieces.stamps[np.flatnonzero(stream.pieces.samples)]
        seconds = stream.timeline.seconds
        several = len(stamps) > 1
        self._scale = (
            float((stamps[-1] - stamps[0]) / (seconds[len(stamps) - 1] - seconds[0]))
            if several
            else _MICROSECONDS
        )
        self._ticks, self._seconds, self._latency = float(stamps[0]), float(seconds[0]), stream.pieces.latency

    def at(self, time_s: float, *, late: bool = False) -> int:
        """Ticks at this movie time; `late`: of a sample that is true at this time only after TIMO."""
        since = time_s - self._seconds - (self._latency if late else 0.0)
        return round(self._ticks + since * self._scale)
