"""Cuts the telemetry track of a trim, and verifies it: the same samples at the same times minus the start."""

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
from eddyline.core.timebase import round_half_up
from eddyline.edit.track_range import TrackRange
from eddyline.gpmf.edit.window import TelemetryCut, cut_telemetry
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Edit, Movie, Track
from eddyline.mp4.write.output_track import OutputTrack, Piece, passthrough

_LARGEST_TIMESCALE = (1 << 32) - 1
# Streams with time stamps keep their times to one sample period; two more allow for irregular camera clocks.
_MAX_SHIFT_PERIODS = 3.0


@dataclass(frozen=True, kw_only=True)
class TelemetryReport:
    """What the trimmed telemetry contains.

    `samples`: number of samples kept, by stream label. `shift_periods`: the largest time difference of any
    sample from its source time minus the start, in sample periods of the stream: below 1 for streams with
    time stamps. Times of streams without stamps follow from the sample counts of their payloads, here and in
    the source.
    """

    payloads: int
    samples: Mapping[str, int]
    shift_periods: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class TelemetryTrack:
    """A telemetry track to write, with the values that verify it."""

    out: OutputTrack
    source: gpmf.Telemetry
    cut: TelemetryCut
    start_s: float


def cut_telemetry_track(
    src: ByteRanges, movie: Movie, track: Track, cut_range: TrackRange, *, video_timescale: int, out: Path
) -> TelemetryTrack | None:
    """Cut the telemetry to the range and write its payloads to `out`; returns None if the range has none.

    The timescale is a multiple of the video's, so that payloads start exactly with the video.
    """
    source = gpmf.read(src)
    cut = cut_telemetry(source, float(cut_range.start), float(cut_range.end))
    if not cut.payloads:
        return None
    scale = lcm(track.timescale, video_timescale)
    scale = scale if scale <= _LARGEST_TIMESCALE else track.timescale
    offset_s = movie.time_offset(track)
    begins: list[Fraction] = []
    ends: list[Fraction] = []
    for low, high in cut.spans:
        begins.append(Fraction(int(track.samples.pts[low]), track.timescale) + offset_s)
        last = int(track.samples.pts[high] + track.samples.duration[high])
        ends.append(Fraction(last, track.timescale) + offset_s)
    at = [round_half_up((max(each, cut_range.start) - cut_range.start) * scale) for each in begins]
    stop = round_half_up((min(ends[-1], cut_range.end) - cut_range.start) * scale)
    out.write_bytes(b"".join(cut.payloads))
    size = np.array([len(each) for each in cut.payloads], np.int64)
    duration = np.array([*at[1:], stop], np.int64) - np.array(at, np.int64)
    edits: tuple[Edit, ...] = ()
    if at[0]:
        delay = round_half_up(Fraction(at[0], scale) * cut_range.timescale)
        length = round_half_up(Fraction(stop - at[0], scale) * cut_range.timescale)
        edits = (Edit(media_time=-1, duration=delay), Edit(media_time=0, duration=length))
    track_out = replace(
        passthrough(movie, track, src, timescale=cut_range.timescale),
        timescale=scale,
        pieces=(Piece(source=out, offset=np.cumsum(size) - size, size=size),),
        duration=duration,
        cts_offset=None,
        sync=None,
        description=None,
        edits=edits,
        references={},
    )
    return TelemetryTrack(out=track_out, source=source, cut=cut, start_s=float(cut_range.start))


def verify_telemetry(path: Path, cut_telemetry_track: TelemetryTrack) -> TelemetryReport:
    """Read the telemetry of the output back. Raises `ProofError` unless it has exactly the kept samples."""
    source, cut = cut_telemetry_track.source, cut_telemetry_track.cut
    found = gpmf.read(path)
    if tuple(found.payloads[at] for at in range(len(found.payloads))) != cut.payloads:
        raise ProofError(f"{path.name}: the telemetry payloads differ from those written")
    new = _by_device_and_key(found.streams.values())
    shifts: dict[str, float] = {}
    for name, stream in _by_device_and_key(source.streams.values()).items():
        first, last = cut.kept[stream.label]
        mine = new.get(name)
        count = 0 if mine is None else len(mine)
        if count != last - first:
            raise ProofError(f"{path.name}: {stream.label} has {count} samples instead of {last - first}")
        if mine is None or not count:
            continue
        rows = slice(first, last)
        if stream.steps is not None:
            rows = slice(int(stream.steps[first]), int(stream.steps[last]))
        if mine.raw.tobytes() != stream.raw[rows].tobytes() or mine.units != stream.units:
            raise ProofError(f"{path.name}: the samples of {stream.label} differ from the source's")
        if not np.array_equal(mine.values, stream.values[rows], equal_nan=True):
            raise ProofError(f"{path.name}: the values of {stream.label} differ from the source's")
        delay = np.abs(mine.times - (stream.times[first:last] - cut_telemetry_track.start_s))
        shifts[stream.label] = round(float(delay.max()) * stream.rate_hz, 3)
        stamped = stream.timeline.rule == mine.timeline.rule == "stamps"
        if stamped and shifts[stream.label] > _MAX_SHIFT_PERIODS:
            raise ProofError(f"{path.name}: {stream.label} is shifted by {delay.max():.4f} s")
    return TelemetryReport(
        payloads=len(cut.payloads),
        samples={label: last - first for label, (first, last) in cut.kept.items()},
        shift_periods=shifts,
    )


def _by_device_and_key(streams: Iterable[gpmf.Stream]) -> dict[tuple[str, str, int], gpmf.Stream]:
    """Return streams by device, key and index: labels depend on the order of streams."""
    groups: dict[tuple[str, str], list[gpmf.Stream]] = defaultdict(list)
    for each in streams:
        groups[str(each.device.id), each.key].append(each)
    return {(*name, number): each for name, several in groups.items() for number, each in enumerate(several)}
