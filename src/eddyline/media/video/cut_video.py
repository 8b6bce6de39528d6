"""A cut's video track: the copied samples, the encoded ones at both sides, and their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import UnsupportedError
from eddyline.core.process import Runner
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
    """A video track to cut: where it lies, its index and what it shows."""

    src: ByteRanges
    movie: Movie
    track: Track
    shown: Presentation


@dataclass(frozen=True, kw_only=True)
class CutVideo:
    """The track to write and its times: `shown` from 0 on, in the track's ticks."""

    out: OutputTrack
    shown: Presentation


def range_presentation(source: CutSource, first: int, last: int) -> Presentation:
    """When the frames [first, last) are shown once the first of them is at 0."""
    shown = source.shown
    begin = int(shown.pts[first])
    end = int(shown.pts[last]) if last < len(shown) else shown.end
    return Presentation(
        sample=np.arange(last - first, dtype=np.int64), pts=shown.pts[first:last] - begin, end=end - begin
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
    """The video track of a cut, for a movie of `timescale`; encoded frames go to files in `work`.

    `facts` may be None where nothing is to be encoded. Raises `UnsupportedError` for pictures that cannot be
    encoded like the source's own, `ToolError`, `ProofError`.
    """
    row = _row(source.track, plan)
    origin = min(plan.begin, plan.first)  # of all that is written; what lies before `first` is hidden
    parts: list[_Part] = []
    for name, frames in (("head", plan.head), ("tail", plan.tail)):
        if name == "tail" and len(plan.samples):
            parts.append(_copied(source, plan, origin))
        if frames[0] < frames[1]:
            if facts is None:
                raise UnsupportedError("nothing is to be encoded, yet frames are not at a keyframe")
            made = _encoded(source, row, frames, facts, work / name, tools, runner, plan)
            parts.append(_Part.of(made, frames[0] - origin))
    return _joined(source, row, plan, parts, timescale)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """Samples in decode order: where they lie, int64[n] the place of each among all that are shown."""

    piece: Piece
    rank: Ints
    sync: npt.NDArray[np.bool_]
    added: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, made: EncodedSamples, first: int) -> _Part:
        piece = Piece(source=made.path, offset=made.offset, size=made.size)
        rank = np.arange(len(made.size), dtype=np.int64) + first
        return cls(piece=piece, rank=rank, sync=made.sync, added=made.added)


def _copied(source: CutSource, plan: CutPlan, origin: int) -> _Part:
    samples, chosen = source.track.samples, plan.samples
    place = {int(at): number for number, at in enumerate(source.shown.sample[origin : plan.last])}
    return _Part(
        piece=Piece(source=source.src, offset=samples.offset[chosen], size=samples.size[chosen]),
        rank=np.array([place[int(at)] for at in chosen], np.int64),
        sync=np.asarray(samples.sync[chosen]),
    )


def _joined(source: CutSource, row: int, plan: CutPlan, parts: Sequence[_Part], timescale: int) -> CutVideo:
    """The parts as one track of the source's, in a movie of `timescale`."""
    track = source.track
    added = tuple(dict.fromkeys(unit for part in parts for unit in part.added))
    shown = range_presentation(source, plan.first, plan.last)
    rank = np.concatenate([part.rank for part in parts])
    whole = range_presentation(source, min(plan.begin, plan.first), plan.last)
    times = sample_times(rank, whole, timescale=track.timescale, movie_timescale=timescale)
    edits = times.edits
    if plan.hidden:
        length = rescale(shown.end, track.timescale, timescale)
        edits = (Edit(media_time=edits[0].media_time + whole.end - shown.end, duration=length),)
    out = replace(
        without_samples(track),
        stsd=with_parameter_sets(track.stsd, row, added) if added else track.stsd,
        pieces=tuple(part.piece for part in parts),
        duration=times.duration,
        cts_offset=times.cts_offset,
        sync=np.concatenate([part.sync for part in parts]),
        description=None if added else np.full(len(rank), row, np.int32),
        edits=edits,
    )
    return CutVideo(out=out, shown=shown)


def _row(track: Track, plan: CutPlan) -> int:
    """The one row of the sample description table that the copied samples use."""
    numbers = plan.samples if len(plan.samples) else np.arange(len(track.samples))
    rows = set(np.unique(track.samples.description[numbers]).tolist())
    if len(rows) != 1:
        raise UnsupportedError(
            "the picture changes its format within the cut", remedy="cut each part for itself"
        )
    return int(rows.pop())


def _encoded(
    source: CutSource,
    row: int,
    frames: tuple[int, int],
    facts: VideoFacts,
    out: Path,
    tools: Toolchain,
    runner: Runner,
    plan: CutPlan,
) -> EncodedSamples:
    sets = read_parameter_sets(source.track.stsd, row)
    require_reencodable(sets, facts, tools)
    local = out.with_suffix(".source.mp4")
    piece = write_slice(source.src, source.movie, source.track, *frames, local, shown=source.shown)
    try:
        ended = frames[1] == plan.begin < plan.last
        return reencode(piece, facts, sets, out=out, tools=tools, runner=runner, ended=ended)
    finally:
        local.unlink(missing_ok=True)
