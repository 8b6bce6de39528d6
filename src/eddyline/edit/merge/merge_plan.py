"""Plans a merge: the tracks of the output, whose samples refer to the chapters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import InputError, UnsupportedError
from eddyline.core.timebase import rescale
from eddyline.edit.audio_joins import join_bytes, shorten, silence_sizes
from eddyline.edit.cancellable_reads import CancellableReads
from eddyline.edit.merge import subtitle_tracks, timelines
from eddyline.edit.merge.compatibility import (
    decoder_parameters,
    read_settings,
    require_same_settings,
    sample_entries,
)
from eddyline.media.source.open_source import main_video
from eddyline.media.video.join import movie_timescale
from eddyline.mp4.boxes import make_full_box
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation, build_presentation
from eddyline.mp4.write.output_track import OutputTrack, Piece, passthrough, without_samples
from eddyline.mp4.write.silence import make_silence
from eddyline.store.open_source import open_source

Rows = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """An open chapter: its index, the position of its main video track, and the frames it presents."""

    name: str
    src: ByteRanges
    movie: Movie
    main: int
    shown: Presentation


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The merged tracks, the movie's timescale, and `chapter_starts`, with the end.

    `joins` has, per track, the bytes of silence after each chapter, or, negative, the bytes cut from its end
    (an empty tuple if there are none).
    """

    tracks: tuple[OutputTrack, ...]
    timescale: int
    chapter_starts: tuple[int, ...]
    clock: int
    joins: tuple[tuple[int, ...], ...] = ()

    def chapter_start(self, number: int, scale: int) -> int:
        """Return the start of a chapter in ticks of 1/scale s."""
        return rescale(self.chapter_starts[number], self.clock, scale)


def open_chapters(paths: Sequence[Path | str], stack: ExitStack, check: Callable[[], None]) -> list[Chapter]:
    """Open chapters, given by path or object address, until `stack` exits.

    Raises `Mp4Error` or `InputError`.
    """
    chapters = []
    for path in paths:
        src = CancellableReads(stack.enter_context(open_source(path)), check)
        movie = read_movie(src)
        track = main_video(movie)
        _require_readable(PurePosixPath(path).name, movie)
        presentation = build_presentation(movie, track)
        if not len(presentation):
            raise UnsupportedError(f"{PurePosixPath(path).name} presents no frame", remedy="remove it")
        main = next(at for at, each in enumerate(movie.tracks) if each.number == track.number)
        chapters.append(
            Chapter(name=PurePosixPath(path).name, src=src, movie=movie, main=main, shown=presentation)
        )
    return chapters


def _require_readable(name: str, movie: Movie) -> None:
    """Reject encrypted tracks: their keys and initialization vectors belong to one file (ISO/IEC 23001-7)."""
    encrypted = next((track for track in movie.tracks if track.encrypted), None)
    if encrypted is not None:
        raise UnsupportedError(
            f"{name}: track {encrypted.number} ({encrypted.kind}) is encrypted and cannot be merged",
            remedy="merge the files before they are encrypted, or remove this track first",
            reason="encrypted",
        )


def plan_merge(chapters: Sequence[Chapter]) -> Plan:
    """Plan the merge of the chapters, in this order.

    Raises `InputError` if their settings differ, `UnsupportedError` if one was edited.
    """
    chapter_settings = [
        read_settings(c.name, c.src, c.movie, c.movie.tracks[c.main], c.shown) for c in chapters
    ]
    for other in chapter_settings[1:]:
        require_same_settings(chapter_settings[0], other)
    first = chapters[0].movie
    clock = first.tracks[chapters[0].main].timescale
    starts = timelines.chapter_starts([each.shown for each in chapters])
    scale = movie_timescale(clock, [first.timescale, *(track.timescale for track in first.tracks)])
    plan = Plan(tracks=(), timescale=scale, chapter_starts=tuple(starts), clock=clock)
    planned = [_track(chapters, at, plan) for at in range(len(first.tracks))]
    return replace(
        plan, tracks=tuple(track for track, _ in planned), joins=tuple(joins for _, joins in planned)
    )


def _track(chapters: Sequence[Chapter], at: int, plan: Plan) -> tuple[OutputTrack, tuple[int, ...]]:
    """Return one merged track, whose samples refer to the chapters, and its `Plan.joins`."""
    tracks = [each.movie.tracks[at] for each in chapters]
    if all(
        subtitle_tracks.is_subtitle_track(each.movie, track)
        for each, track in zip(chapters, tracks, strict=True)
    ):
        return _subtitle_track(chapters, at, plan), ()
    times = _track_times(chapters, at, plan)
    stsd, shift = _descriptions(tracks)
    pieces: list[Piece] = []
    sync: list[npt.NDArray[np.bool_]] = []
    described: list[Rows] = []
    joins: list[int] = []
    gaps = times.joins or (0,) * len(tracks)
    for each, track, moved, gap in zip(chapters, tracks, shift, gaps, strict=True):
        joins.append(join_bytes(gap, track) if gap else 0)
        size = track.samples.size
        if gap < 0:
            size = shorten(size, -joins[-1])
        pieces.append(Piece(source=each.src, offset=track.samples.offset[: len(size)], size=size))
        sync.append(track.samples.sync[: len(size)])
        described.append(_sample_descriptions(track, moved)[: len(size)])
        if gap > 0:
            size = silence_sizes(gap, track)
            filler = make_silence(track, joins[-1])
            pieces.append(Piece(source=filler, offset=np.cumsum(size) - size, size=size))
            sync.append(np.ones(len(size), np.bool_))
            described.append(np.repeat(described[-1][-1:], len(size)))
    all_sync, description = np.concatenate(sync), np.concatenate(described)
    out = replace(
        passthrough(chapters[0].movie, tracks[0], chapters[0].src),
        stsd=stsd,
        pieces=tuple(pieces),
        duration=times.duration,
        cts_offset=times.cts_offset,
        sync=None if bool(np.all(all_sync)) else all_sync,
        description=None if bool(np.all(description == 1)) else description,
        edits=times.edits,
        unit_bytes=tracks[0].unit_bytes if all(track.unit_bytes for track in tracks) else 0,
    )
    return out, tuple(joins) if any(joins) else ()


def _subtitle_track(chapters: Sequence[Chapter], at: int, plan: Plan) -> OutputTrack:
    """Return a merged subtitle track with the sample description of the first chapter."""
    sources = [(each.src, each.movie, each.movie.tracks[at]) for each in chapters]
    first = sources[0][2]
    starts = [plan.chapter_start(number, first.timescale) for number in range(len(plan.chapter_starts))]
    planned = subtitle_tracks.merge_subtitle_tracks(sources, starts)
    return replace(without_samples(first), pieces=(planned.piece,), duration=planned.duration)


def _track_times(chapters: Sequence[Chapter], at: int, plan: Plan) -> timelines.MergedTimes:
    tracks = [each.movie.tracks[at] for each in chapters]
    starts = [plan.chapter_start(number, tracks[0].timescale) for number in range(len(plan.chapter_starts))]
    if tracks[0].kind == "video":
        presentation = [
            each.shown if at == each.main else build_presentation(each.movie, track)
            for each, track in zip(chapters, tracks, strict=True)
        ]
        return timelines.merge_video_times(tracks, presentation, starts, plan.timescale)
    windows = [
        timelines.presented_window(each.movie, track) for each, track in zip(chapters, tracks, strict=True)
    ]
    arrange = timelines.merge_audio_times if tracks[0].kind == "audio" else timelines.merge_data_times
    return arrange(tracks, windows, starts, plan.timescale)


def _descriptions(tracks: Sequence[Track]) -> tuple[bytes, list[Rows]]:
    """Return the merged sample description table and, per chapter, the new entry numbers (from 1).

    Entries with the same decoder parameters become one; others are listed one after the other.
    """
    table: list[bytes] = []
    numbers = []
    for track in tracks:
        entry_numbers = []
        for row in sample_entries(track.stsd):
            place = next(
                (at for at, each in enumerate(table) if _same_entry(each, row, track.kind)), len(table)
            )
            if place == len(table):
                table.append(row)
            entry_numbers.append(place + 1)
        numbers.append(np.array(entry_numbers, np.int32))
    if len(table) == len(sample_entries(tracks[0].stsd)):
        return tracks[0].stsd, numbers
    return make_full_box("stsd", 0, 0, len(table).to_bytes(4, "big"), *table), numbers


def _sample_descriptions(track: Track, moved: Rows) -> Rows:
    """Return the number of each sample's entry in the merged table."""
    entry_numbers = track.samples.description
    if len(entry_numbers) and not 1 <= int(entry_numbers.min()) <= int(entry_numbers.max()) <= len(moved):
        raise InputError(
            f"samples of track {track.number} refer to entry {int(entry_numbers.max())} of {len(moved)}",
            remedy="the index is damaged: copy the file again",
        )
    return moved[entry_numbers - 1]


def _same_entry(a: bytes, b: bytes, kind: str) -> bool:
    """Video entries must be identical (parameter sets); others need the same decoder parameters."""
    return a == b if kind == "video" else decoder_parameters(a, kind) == decoder_parameters(b, kind)
