"""Tracks to write: new tracks, copies, and tracks joined from the samples of several files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eddyline.core.timebase import rescale
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.movie import IDENTITY_MATRIX, Edit, Movie, Track


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The location of consecutive samples: int64[n] offsets and sizes in one source."""

    source: ByteRanges | Path
    offset: Ints
    size: Ints


@dataclass(frozen=True, kw_only=True)
class OutputTrack:
    """A track to write.

    `stsd` and `media_header` are complete boxes that are copied unchanged, and so are `boxes`, which follow
    mdia. `width` and `height` are those of tkhd, in pixels.

    `duration`, `cts_offset` and `sync` have one value for each sample of all pieces together, in ticks of
    `timescale` (`sync` None: all samples are sync samples; `description` None: row 1). Edits are in ticks of
    the movie that is WRITTEN. `references` maps a type ("tmcd") to the 1-based positions of the referenced
    tracks.

    `unit_bytes`: the samples are blocks of units of this size, and the tables count units (0: samples).
    `title` and `roles` are the labels (see `track_labels`).
    """

    handler: str
    name: str
    timescale: int
    stsd: bytes
    media_header: bytes
    width: Fraction | int = 0
    height: Fraction | int = 0
    matrix: tuple[int, ...] = IDENTITY_MATRIX
    boxes: tuple[bytes, ...] = ()
    language: str = "und"
    volume: int = 0
    enabled: bool = True
    pieces: tuple[Piece, ...]
    duration: Ints
    cts_offset: Ints | None = None
    sync: npt.NDArray[np.bool_] | None = None
    description: npt.NDArray[np.int32] | None = None
    edits: tuple[Edit, ...] = ()
    references: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    unit_bytes: int = 0
    title: str = ""
    roles: tuple[str, ...] = ()


def without_samples(track: Track) -> OutputTrack:
    """A track with the description of this one, without samples, edits or references."""
    return OutputTrack(
        handler=track.handler,
        name=track.name,
        timescale=track.timescale,
        stsd=track.stsd,
        media_header=track.media_header,
        width=track.display_size[0],
        height=track.display_size[1],
        matrix=track.matrix,
        boxes=track.spherical,
        language=track.language,
        volume=track.volume,
        unit_bytes=track.unit_bytes,
        enabled=track.enabled,
        title=track.title,
        roles=track.roles,
        pieces=(),
        duration=np.zeros(0, np.int64),
    )


def passthrough(
    movie: Movie, track: Track, src: ByteRanges | Path, *, timescale: int | None = None
) -> OutputTrack:
    """A copy of the track for a movie with `timescale` (default: that of `movie`).

    References are omitted: only the caller knows which tracks are written (see `link_references`).
    """
    samples = track.samples
    spacing = np.append(np.diff(samples.dts), samples.duration[-1:]) if len(samples) else samples.duration
    shift = samples.pts - samples.dts
    return replace(
        without_samples(track),
        pieces=(Piece(source=src, offset=samples.offset, size=samples.size),),
        duration=spacing,
        cts_offset=shift if np.any(shift) else None,
        sync=None if bool(np.all(samples.sync)) else samples.sync,
        description=samples.description,
        edits=_shift_edits(movie, track, timescale or movie.timescale),
    )


def select_samples(
    movie: Movie, track: Track, src: ByteRanges, numbers: Ints, *, timescale: int | None = None
) -> OutputTrack:
    """The track with only these samples (decode order), back to back, without edits or references."""
    samples = track.samples
    track_copy = passthrough(movie, track, src, timescale=timescale)
    return replace(
        track_copy,
        pieces=(Piece(source=src, offset=samples.offset[numbers], size=samples.size[numbers]),),
        duration=track_copy.duration[numbers],
        cts_offset=None if track_copy.cts_offset is None else track_copy.cts_offset[numbers],
        sync=None if track_copy.sync is None else track_copy.sync[numbers],
        description=samples.description[numbers],
        edits=(),
    )


def _shift_edits(movie: Movie, track: Track, timescale: int) -> tuple[Edit, ...]:
    """The edits in the new movie's ticks, for media that starts at 0 (a fragmented source's may not)."""
    media_start = int(track.samples.dts[0]) if len(track.samples) else 0
    edits = [replace(edit, duration=_edit_length(movie, track, edit, timescale)) for edit in track.edits]
    if not media_start:
        return tuple(edits)
    if not edits:
        edits = [Edit(media_time=0, duration=rescale(track.duration, track.timescale, timescale))]
    moved: list[Edit] = []
    for edit in edits:
        start = edit.media_time - media_start
        if edit.media_time >= 0 > start:
            delay = rescale(-start, track.timescale, timescale)
            moved.append(Edit(media_time=-1, duration=delay))
            moved.append(replace(edit, media_time=0, duration=max(edit.duration - delay, 0)))
        else:
            moved.append(replace(edit, media_time=start if edit.media_time >= 0 else -1))
    return tuple(moved)


def _edit_length(movie: Movie, track: Track, edit: Edit, timescale: int) -> int:
    """An edit's duration in ticks of the new movie.

    A duration of 0 extends to the end of the media in a fragmented file (ISO/IEC 14496-12, 8.6.6.1), but
    presents nothing in the unfragmented file that is written here: it is replaced by the rounded-up end.
    """
    samples = track.samples
    if edit.duration or edit.media_time < 0 or not len(samples):
        return rescale(edit.duration, movie.timescale, timescale)
    ticks = max(int((samples.pts + samples.duration).max()) - edit.media_time, 0)
    return -(-ticks * timescale // track.timescale)


def link_references(sources: Sequence[Track | None], tracks: Sequence[OutputTrack]) -> list[OutputTrack]:
    """`tracks` with the references of their `sources`, if the referenced track is also written.

    `sources` has one entry for each of `tracks`: the source track, or None for a new one.
    """
    position = {source.number: at for at, source in enumerate(sources, 1) if source is not None}
    linked = []
    for source, track in zip(sources, tracks, strict=True):
        references: dict[str, tuple[int, ...]] = dict(track.references)
        for kind, numbers in (source.references if source is not None else {}).items():
            targets = tuple(position[number] for number in numbers if number in position)
            if targets:
                references[kind] = targets
        linked.append(replace(track, references=references))
    return linked
