"""What merging chapters will do: the tracks of the result, their samples lying where they are."""

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
from eddyline.edit.merge.compatibility import meaning, require_alike, rows, settings
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
    """An open chapter: its index, its main video's place among the tracks, and which frames it shows."""

    name: str
    src: ByteRanges
    movie: Movie
    main: int
    shown: Presentation


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The merged tracks, the movie's ticks a second, and `places`, where chapters begin (and the end).

    `joins` has, for each track, the bytes of silence after each chapter, or, negative, the bytes of its end
    that are left out (none of either: an empty tuple).
    """

    tracks: tuple[OutputTrack, ...]
    timescale: int
    places: tuple[int, ...]
    clock: int
    joins: tuple[tuple[int, ...], ...] = ()

    def place(self, number: int, scale: int) -> int:
        """Where a chapter begins, in ticks of 1/scale s."""
        return rescale(self.places[number], self.clock, scale)


def opened(paths: Sequence[Path | str], stack: ExitStack, check: Callable[[], None]) -> list[Chapter]:
    """The chapters with their indexes, open until `stack` ends. Raises `Mp4Error` or `InputError`.

    Each is a path, or an address in a store.
    """
    chapters = []
    for path in paths:
        src = CancellableReads(stack.enter_context(open_source(path)), check)
        movie = read_movie(src)
        track = main_video(movie)
        _require_readable(PurePosixPath(path).name, movie)
        shown = build_presentation(movie, track)
        if not len(shown):
            raise UnsupportedError(
                f"{PurePosixPath(path).name} shows no picture at all", remedy="leave it out"
            )
        main = next(at for at, each in enumerate(movie.tracks) if each.number == track.number)
        chapters.append(Chapter(name=PurePosixPath(path).name, src=src, movie=movie, main=main, shown=shown))
    return chapters


def _require_readable(name: str, movie: Movie) -> None:
    """Refuse encrypted tracks: their keys and initialization vectors belong to one file (ISO/IEC 23001-7)."""
    encrypted = next((track for track in movie.tracks if track.encrypted), None)
    if encrypted is not None:
        raise UnsupportedError(
            f"{name}: track {encrypted.number} ({encrypted.kind}) is encrypted and cannot be merged",
            remedy="merge the files before they are encrypted, or remove this track first",
            reason="encrypted",
        )


def plan_of(chapters: Sequence[Chapter]) -> Plan:
    """How to merge the chapters, in this order.

    Raises `InputError` for chapters that were not recorded alike, `UnsupportedError` for edited ones.
    """
    told = [settings(c.name, c.src, c.movie, c.movie.tracks[c.main], c.shown) for c in chapters]
    for other in told[1:]:
        require_alike(told[0], other)
    first = chapters[0].movie
    clock = first.tracks[chapters[0].main].timescale
    places = timelines.beginnings([each.shown for each in chapters])
    scale = movie_timescale(clock, [first.timescale, *(track.timescale for track in first.tracks)])
    plan = Plan(tracks=(), timescale=scale, places=tuple(places), clock=clock)
    made = [_track(chapters, at, plan) for at in range(len(first.tracks))]
    return replace(plan, tracks=tuple(track for track, _ in made), joins=tuple(joins for _, joins in made))


def _track(chapters: Sequence[Chapter], at: int, plan: Plan) -> tuple[OutputTrack, tuple[int, ...]]:
    """One track of all chapters, its samples lying where they are; and `Plan.joins`."""
    tracks = [each.movie.tracks[at] for each in chapters]
    if all(subtitle_tracks.is_text(each.movie, track) for each, track in zip(chapters, tracks, strict=True)):
        return _text(chapters, at, plan), ()
    times = _times(chapters, at, plan)
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
        described.append(_described(track, moved)[: len(size)])
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


def _text(chapters: Sequence[Chapter], at: int, plan: Plan) -> OutputTrack:
    """A subtitle track of all chapters; the first one's sample description is that of all."""
    sources = [(each.src, each.movie, each.movie.tracks[at]) for each in chapters]
    first = sources[0][2]
    places = [plan.place(number, first.timescale) for number in range(len(plan.places))]
    made = subtitle_tracks.merged(sources, places)
    return replace(without_samples(first), pieces=(made.piece,), duration=made.duration)


def _times(chapters: Sequence[Chapter], at: int, plan: Plan) -> timelines.Times:
    tracks = [each.movie.tracks[at] for each in chapters]
    places = [plan.place(number, tracks[0].timescale) for number in range(len(plan.places))]
    if tracks[0].kind == "video":
        shown = [
            each.shown if at == each.main else build_presentation(each.movie, track)
            for each, track in zip(chapters, tracks, strict=True)
        ]
        return timelines.picture(tracks, shown, places, plan.timescale)
    windows = [timelines.window(each.movie, track) for each, track in zip(chapters, tracks, strict=True)]
    arrange = timelines.sound if tracks[0].kind == "audio" else timelines.data
    return arrange(tracks, windows, places, plan.timescale)


def _descriptions(tracks: Sequence[Track]) -> tuple[bytes, list[Rows]]:
    """The sample description table of all chapters, and for each the new numbers of its rows (from 1).

    Rows that mean the same to a decoder are one; others, which differ harmlessly, stand side by side.
    """
    table: list[bytes] = []
    numbers = []
    for track in tracks:
        mine = []
        for row in rows(track.stsd):
            place = next((at for at, each in enumerate(table) if _same(each, row, track.kind)), len(table))
            if place == len(table):
                table.append(row)
            mine.append(place + 1)
        numbers.append(np.array(mine, np.int32))
    if len(table) == len(rows(tracks[0].stsd)):
        return tracks[0].stsd, numbers
    return make_full_box("stsd", 0, 0, len(table).to_bytes(4, "big"), *table), numbers


def _described(track: Track, moved: Rows) -> Rows:
    """Each sample's row in the merged table."""
    mine = track.samples.description
    if len(mine) and not 1 <= int(mine.min()) <= int(mine.max()) <= len(moved):
        raise InputError(
            f"samples of track {track.number} are described by row {int(mine.max())} of {len(moved)}",
            remedy="the index is damaged: copy the file again",
        )
    return moved[mine - 1]


def _same(a: bytes, b: bytes, kind: str) -> bool:
    """Pictures need their very own parameter sets; of other rows, what matters was found to agree."""
    return a == b if kind == "video" else meaning(a, kind) == meaning(b, kind)
