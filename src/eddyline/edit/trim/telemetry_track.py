"""The telemetry track of a cut, and its proof: the same samples at the same times, less the cut's start."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from pathlib import Path

import numpy as np

from eddyline import gpmf
from eddyline.core.errors import ProofError
from eddyline.edit.track_range import TrackRange, nearest
from eddyline.gpmf.edit.window import TelemetryCut, cut_telemetry
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Edit, Movie, Track
from eddyline.mp4.write.output_track import OutputTrack, Piece, passthrough

_LARGEST_TIMESCALE = (1 << 32) - 1
# Stamped streams keep their place to a sample; a camera whose clock stutters is forgiven two more.
_MOST_PERIODS = 3.0


@dataclass(frozen=True, kw_only=True)
class TelemetryReport:
    """What became of the telemetry.

    `samples` kept of each stream, by label; `shift_periods` by how many of its sample periods the time of any
    sample differs, by the readers' rule, from the source's less the start: below 1 where a stream is stamped;
    a stream without stamps has the time that the counts of its payloads give, here and in the source.
    """

    payloads: int
    samples: Mapping[str, int]
    shift_periods: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Telling:
    """A telemetry track to write, with what its proof needs."""

    out: OutputTrack
    source: gpmf.Telemetry
    cut: TelemetryCut
    start_s: float


def telling(
    src: ByteRanges, movie: Movie, track: Track, stretch: TrackRange, *, video_timescale: int, out: Path
) -> Telling | None:
    """The telemetry of the stretch, its payloads in `out`; None where there is none in it.

    The track counts in ticks in which the picture's times are whole, so that payloads begin exactly with it.
    """
    source = gpmf.read(src)
    cut = cut_telemetry(source, float(stretch.start), float(stretch.end))
    if not cut.payloads:
        return None
    scale = lcm(track.timescale, video_timescale)
    scale = scale if scale <= _LARGEST_TIMESCALE else track.timescale
    moved = movie.time_offset(track)
    begins: list[Fraction] = []
    ends: list[Fraction] = []
    for low, high in cut.spans:
        begins.append(Fraction(int(track.samples.pts[low]), track.timescale) + moved)
        last = int(track.samples.pts[high] + track.samples.duration[high])
        ends.append(Fraction(last, track.timescale) + moved)
    at = [nearest((max(each, stretch.start) - stretch.start) * scale) for each in begins]
    stop = nearest((min(ends[-1], stretch.end) - stretch.start) * scale)
    out.write_bytes(b"".join(cut.payloads))
    size = np.array([len(each) for each in cut.payloads], np.int64)
    duration = np.array([*at[1:], stop], np.int64) - np.array(at, np.int64)
    edits: tuple[Edit, ...] = ()
    if at[0]:
        late = nearest(Fraction(at[0], scale) * stretch.timescale)
        length = nearest(Fraction(stop - at[0], scale) * stretch.timescale)
        edits = (Edit(media_time=-1, duration=late), Edit(media_time=0, duration=length))
    made = replace(
        passthrough(movie, track, src, timescale=stretch.timescale),
        timescale=scale,
        pieces=(Piece(source=out, offset=np.cumsum(size) - size, size=size),),
        duration=duration,
        cts_offset=None,
        sync=None,
        description=None,
        edits=edits,
        references={},
    )
    return Telling(out=made, source=source, cut=cut, start_s=float(stretch.start))


def prove(path: Path, telling: Telling) -> TelemetryReport:
    """Read the telemetry of a written cut back. Raises `ProofError` unless it has just the samples kept."""
    source, cut = telling.source, telling.cut
    found = gpmf.read(path)
    if tuple(found.payloads[at] for at in range(len(found.payloads))) != cut.payloads:
        raise ProofError(f"{path.name}: the telemetry's payloads are not those that were made")
    new = _by_place(found.streams.values())
    shifts: dict[str, float] = {}
    for name, stream in _by_place(source.streams.values()).items():
        first, last = cut.kept[stream.label]
        mine = new.get(name)
        count = 0 if mine is None else len(mine)
        if count != last - first:
            raise ProofError(f"{path.name}: {count} samples of {stream.label}, {last - first} lie in the cut")
        if mine is None or not count:
            continue
        rows = slice(first, last)
        if stream.steps is not None:
            rows = slice(int(stream.steps[first]), int(stream.steps[last]))
        if mine.raw.tobytes() != stream.raw[rows].tobytes() or mine.units != stream.units:
            raise ProofError(f"{path.name}: the samples of {stream.label} differ from the source's")
        if not np.array_equal(mine.values, stream.values[rows], equal_nan=True):
            raise ProofError(f"{path.name}: the values of {stream.label} differ from the source's")
        late = np.abs(mine.times - (stream.times[first:last] - telling.start_s))
        shifts[stream.label] = round(float(late.max()) * stream.rate_hz, 3)
        stamped = stream.timeline.rule == mine.timeline.rule == "stamps"
        if stamped and shifts[stream.label] > _MOST_PERIODS:
            raise ProofError(f"{path.name}: {stream.label} is {late.max():.4f} s from where it was")
    return TelemetryReport(
        payloads=len(cut.payloads),
        samples={label: last - first for label, (first, last) in cut.kept.items()},
        shift_periods=shifts,
    )


def _by_place(streams: Iterable[gpmf.Stream]) -> dict[tuple[str, str, int], gpmf.Stream]:
    """Streams by device, key and number: labels depend on which stream comes first."""
    groups: dict[tuple[str, str], list[gpmf.Stream]] = defaultdict(list)
    for each in streams:
        groups[str(each.device.id), each.key].append(each)
    return {(*name, number): each for name, several in groups.items() for number, each in enumerate(several)}
