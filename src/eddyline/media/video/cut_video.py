"""Builds the video track of a cut from copied samples, re-encoded samples at its ends, and their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import UnsupportedError
from eddyline.core.processes.runner import Runner
from eddyline.core.timebase import rescale
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.join import sample_times
from eddyline.media.video.parameter_sets import read_parameter_sets, with_parameter_sets
from eddyline.media.video.reencode import EncodedSamples, reencode, require_reencodable
from eddyline.media.video.smart_cut import CutPlan
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.movie import Edit, Movie, Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.slice import write_slice
from eddyline.mp4.write.output_track import OutputTrack, Piece, without_samples


@dataclass(frozen=True, kw_only=True)
class CutSource:
    """A video track to cut: its file, index and shown frames."""

    src: ByteRanges
    movie: Movie
    track: Track
    shown: Presentation


@dataclass(frozen=True, kw_only=True)
class CutVideo:
    """The track to write, and its shown frames from time 0, in the track's ticks."""

    out: OutputTrack
    shown: Presentation


def range_presentation(source: CutSource, start: int, stop: int) -> Presentation:
    """The presentation of the frames [start, stop), with the first of them at time 0."""
    shown = source.shown
    origin = int(shown.pts[start])
    end = int(shown.pts[stop]) if stop < len(shown) else shown.end
    return Presentation(
        sample=np.arange(stop - start, dtype=np.int64), pts=shown.pts[start:stop] - origin, end=end - origin
    )


def build_cut_video(
    source: CutSource,
    plan: CutPlan,
    facts: VideoFacts | None,
    *,
    timescale: int,
    work: Path,
    tools: Toolchain,
    runner: Runner,
) -> CutVideo:
    """The video track of a cut, for a movie of `timescale`; encoded frames are written to files in `work`.

    `facts` may be None if no frame is encoded. Raises `UnsupportedError` for video that cannot be re-encoded
    with the source's coding parameters, `ToolError`, `ProofError`.
    """
    entry = _sample_entry(source.track, plan)
    origin = min(plan.copy_start, plan.start)  # of all written frames; those before `start` are hidden
    parts: list[_Part] = []
    for name, frames in (("head", plan.head), ("tail", plan.tail)):
        if name == "tail" and len(plan.samples):
            parts.append(_copy(source, plan, origin))
        if frames[0] < frames[1]:
            if facts is None:
                raise UnsupportedError("the cut needs re-encoding, but the video facts are missing")
            encoded = _reencode(source, entry, frames, facts, work / name, tools, runner, plan)
            parts.append(_Part.of(encoded, frames[0] - origin))
    return _join(source, entry, plan, parts, timescale)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """Samples in decode order; `rank` is int64[n]: the frame number of each in the written track."""

    piece: Piece
    rank: Ints
    sync: npt.NDArray[np.bool_]
    added: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, encoded: EncodedSamples, first: int) -> _Part:
        piece = Piece(source=encoded.path, offset=encoded.offset, size=encoded.size)
        rank = np.arange(len(encoded.size), dtype=np.int64) + first
        return cls(piece=piece, rank=rank, sync=encoded.sync, added=encoded.added)


def _copy(source: CutSource, plan: CutPlan, origin: int) -> _Part:
    samples, numbers = source.track.samples, plan.samples
    place = {int(at): number for number, at in enumerate(source.shown.sample[origin : plan.stop])}
    return _Part(
        piece=Piece(source=source.src, offset=samples.offset[numbers], size=samples.size[numbers]),
        rank=np.array([place[int(at)] for at in numbers], np.int64),
        sync=np.asarray(samples.sync[numbers]),
    )


def _join(source: CutSource, entry: int, plan: CutPlan, parts: Sequence[_Part], timescale: int) -> CutVideo:
    """Join the parts to one track for a movie of `timescale`."""
    track = source.track
    added = tuple(dict.fromkeys(unit for part in parts for unit in part.added))
    shown = range_presentation(source, plan.start, plan.stop)
    rank = np.concatenate([part.rank for part in parts])
    whole = range_presentation(source, min(plan.copy_start, plan.start), plan.stop)
    times = sample_times(rank, whole, timescale=track.timescale, movie_timescale=timescale)
    edits = times.edits
    if plan.hidden:
        length = rescale(shown.end, track.timescale, timescale)
        edits = (Edit(media_time=edits[0].media_time + whole.end - shown.end, duration=length),)
    out = replace(
        without_samples(track),
        stsd=with_parameter_sets(track.stsd, entry, added) if added else track.stsd,
        pieces=tuple(part.piece for part in parts),
        duration=times.duration,
        cts_offset=times.cts_offset,
        sync=np.concatenate([part.sync for part in parts]),
        description=None if added else np.full(len(rank), entry, np.int32),
        edits=edits,
    )
    return CutVideo(out=out, shown=shown)


def _sample_entry(track: Track, plan: CutPlan) -> int:
    """The number of the only sample entry that the copied samples use."""
    numbers = plan.samples if len(plan.samples) else np.arange(len(track.samples))
    entries = set(np.unique(track.samples.description[numbers]).tolist())
    if len(entries) != 1:
        raise UnsupportedError("the video format changes within the cut", remedy="cut each part separately")
    return int(entries.pop())


def _reencode(
    source: CutSource,
    entry: int,
    frames: tuple[int, int],
    facts: VideoFacts,
    out: Path,
    tools: Toolchain,
    runner: Runner,
    plan: CutPlan,
) -> EncodedSamples:
    sets = read_parameter_sets(source.track.stsd, entry)
    require_reencodable(sets, facts, tools)
    local = out.with_suffix(".source.mp4")
    piece = write_slice(source.src, source.movie, source.track, *frames, local, shown=source.shown)
    try:
        end_sequence = frames[1] == plan.copy_start < plan.stop
        return reencode(piece, facts, sets, out=out, tools=tools, runner=runner, end_sequence=end_sequence)
    finally:
        local.unlink(missing_ok=True)
