"""Cuts the telemetry of a time range: exactly the samples within it, in payloads that start with it.

Payloads in the middle keep their bytes except for TSMP. The payloads at both ends are rebuilt: samples
outside are removed, samples in neighbouring payloads are added, and times (STMP, TICK, TOCK, GPSU) move to
the first kept sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eddyline.gpmf.edit.boundary_payloads import BoundaryPayloads
from eddyline.gpmf.edit.kept_samples import TIME_TOLERANCE_S, KeptSamples, select_samples
from eddyline.gpmf.index import key_code
from eddyline.gpmf.keys import FRAME_KEYS
from eddyline.gpmf.payloads import Payloads
from eddyline.gpmf.streams import Stream
from eddyline.gpmf.telemetry import Telemetry

_MICROSECONDS = 1e6


@dataclass(frozen=True, kw_only=True, eq=False)
class TelemetryCut:
    """The telemetry of a time range.

    `payloads[k]` replaces the source's payloads `spans[k]` (first and last, both included); its time is
    theirs, limited to the range. `kept` has the kept samples [i, j) of each stream by label.
    """

    payloads: tuple[bytes, ...]
    spans: tuple[tuple[int, int], ...]
    kept: Mapping[str, tuple[int, int]]


def cut_telemetry(telemetry: Telemetry, start_s: float, end_s: float) -> TelemetryCut:
    """The telemetry of the movie time [start_s, end_s): the samples of each stream in that range.

    Raises `GpmfError` if the payloads at the ends cannot be parsed.
    """
    payloads = telemetry.payloads
    inside = np.flatnonzero(
        (payloads.end_s > start_s + TIME_TOLERANCE_S) & (payloads.start_s < end_s - TIME_TOLERANCE_S)
    )
    if not len(inside):
        return TelemetryCut(payloads=(), spans=(), kept={})
    first, last = _without_short_ends(payloads, int(inside[0]), int(inside[-1]), start_s, end_s)
    first_start_s = max(start_s, float(payloads.start_s[inside[0]]))
    kept = {
        label: select_samples(stream, start_s, end_s, ends=(first, last), payloads=len(payloads))
        for label, stream in telemetry.streams.items()
    }
    stamps = _first_stamps(telemetry.streams, kept, payloads, (first, first_start_s))
    boundary = BoundaryPayloads(
        telemetry=telemetry, first=first, last=last, kept=kept, stamps=stamps, start_s=first_start_s
    )
    recounted = _recount(payloads, telemetry.streams, kept)
    changed = _changed_payloads(telemetry.streams, kept, first, last)
    blocks = [
        boundary.payload(number)
        if number in changed
        else bytes(recounted[int(payloads.at[number]) : int(payloads.at[number + 1])])
        for number in range(first, last + 1)
    ]
    spans = [[number, number] for number in range(first, last + 1)]
    spans[0][0], spans[-1][1] = int(inside[0]), int(inside[-1])
    return TelemetryCut(
        payloads=tuple(blocks),
        spans=tuple((low, high) for low, high in spans),
        kept={label: (each.start, each.stop) for label, each in kept.items()},
    )


def _without_short_ends(
    payloads: Payloads, first: int, last: int, start_s: float, end_s: float
) -> tuple[int, int]:
    """The first and last payload of the cut; less than half a payload is merged into its neighbour.

    Readers fit a line through counts and ends of payloads; a payload with few samples would tilt it.
    """
    start, end = payloads.start_s, payloads.end_s
    while first < last and end[first] - start_s < (end[first] - start[first]) / 2:
        first += 1
    while first < last and end_s - start[last] < (end[last] - start[last]) / 2:
        last -= 1
    return first, last


def _changed_payloads(
    streams: Mapping[str, Stream], kept: Mapping[str, KeptSamples], first: int, last: int
) -> set[int]:
    """The payloads to rebuild: both ends, and those that lose or gain samples of any stream."""
    changed = {first, last}
    for label, stream in streams.items():
        pieces, each = stream.pieces, kept[label]
        partial = pieces.payload[each.inside != pieces.samples]
        changed.update(number for number in partial.tolist() if first <= number <= last)
    return changed


def _recount(payloads: Payloads, streams: Mapping[str, Stream], kept: Mapping[str, KeptSamples]) -> bytearray:
    """All payloads with TSMP counted from the first kept sample."""
    data = bytearray(payloads.data)
    for label, stream in streams.items():
        rows = stream.pieces.rows.with_key(key_code("TSMP")).with_length(4)
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
    """STMP of each stamped stream's first kept sample, in ticks of the camera's clock.

    Readers take the zero of that clock from one stream (`timing`, rule 1): the stamp of this stream is that
    of the cut's start, so that all other streams keep their position to the tick. `head` is the cut's first
    payload and its start.
    """
    stamps: dict[str, int] = {}
    ranks: dict[str, tuple[int, int, int]] = {}
    for label, stream in streams.items():
        each = kept[label]
        if stream.timeline.rule != "stamps" or each.start >= each.stop:
            continue
        clock = _Clock(stream)
        stamps[label] = clock.at(float(stream.times[each.start]))
        payload = int(np.flatnonzero(each.total)[0])
        rank = FRAME_KEYS.index(stream.key) if stream.key in FRAME_KEYS else len(FRAME_KEYS)
        ranks[label] = (rank, payload, stamps[label])
    if ranks:
        label = min(ranks, key=lambda each: ranks[each])
        payload = ranks[label][1]
        own = float(payloads.start_s[payload])
        start = head[1] if payload == head[0] else own
        if kept[label].start > 0 or start != own:
            stamps[label] = max(_Clock(streams[label]).at(start, add_latency=True), 0)
    return stamps


class _Clock:
    """Converts movie time to ticks of the clock of a stream's stamps."""

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

    def at(self, time_s: float, *, add_latency: bool = False) -> int:
        """Ticks at this movie time; `add_latency`: of a sample that is valid at this time only after TIMO."""
        since = time_s - self._seconds - (self._latency if add_latency else 0.0)
        return round(self._ticks + since * self._scale)
