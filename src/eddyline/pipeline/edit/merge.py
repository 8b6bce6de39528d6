"""Chapters of one recording as one file: nothing is encoded again, every sample is a copy.

Only the telemetry's running values change (TSMP, STMP: see `gpmf.edit.continued`), and the HiLights, which
move by the length of the chapters before. What was written is read back and compared before it gets its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import EddylineError, InputError, UnsupportedError
from eddyline.core.timebase import rescale
from eddyline.gpmf.edit import continued as running
from eddyline.gpmf.edit import marks
from eddyline.gpmf.payloads import join
from eddyline.media.footage import main_video
from eddyline.media.join import movie_timescale
from eddyline.mp4.headers import full_box
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.mux import COMPATIBLE, OutTrack, Piece, linked, passthrough, write
from eddyline.mp4.presentation import Presentation, presentation
from eddyline.mp4.ranges import ByteRanges, FileRanges
from eddyline.mp4.slice import sample_bytes
from eddyline.pipeline.edit import timelines
from eddyline.pipeline.edit.alike import meaning, require_alike, rows, settings
from eddyline.pipeline.edit.chapters import grouped, in_order
from eddyline.pipeline.edit.mergeproof import prove
from eddyline.pipeline.edit.watched import Watched, never
from eddyline.pipeline.edit.whole import appearing

Rows = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """An open chapter: its index, its main video's place among the tracks, and which frames it shows."""

    path: Path
    src: ByteRanges
    movie: Movie
    main: int
    shown: Presentation


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What was written: its length, SHA-256 (hex), frames, and the chapters in order."""

    bytes: int
    sha256: str
    frames: int
    duration_s: float
    payloads: int
    chapters: tuple[Path, ...]


def merge(
    paths: Sequence[Path], out: Path, *, force: bool = False, check: Callable[[], None] = never
) -> Merged:
    """Write the chapters `paths`, in whatever order they are named, to `out`, which appears whole or not.

    `check` is called with every read and may raise, to stop.
    Raises `UsageError` and `InputError` for files that are not the chapters of one recording (with `force`,
    one may be missing in between), `UnsupportedError` for chapters that were edited, `ProofError`.
    """
    ordered = in_order(paths, force=force)
    with appearing(out) as aside:
        return join_chapters(ordered, aside, check=check)


def recordings(footage: Sequence[Path]) -> list[tuple[Path, ...]]:
    """Footage by recording: chapters that can be merged together, in order; all else by itself.

    Files that are chapters by their names alone (of two cameras, say, or edited) stay apart.
    """
    found: list[tuple[Path, ...]] = []
    for group in grouped(footage):
        found.extend([group] if len(group) == 1 or _mergeable(group) else [(path,) for path in group])
    return found


def _mergeable(paths: Sequence[Path]) -> bool:
    try:
        with ExitStack() as stack:
            _plan(_opened(paths, stack, never))
    except EddylineError:
        return False
    return True


def join_chapters(paths: Sequence[Path], out: Path, *, check: Callable[[], None] = never) -> Merged:
    """Write chapters in the order given, and prove the result by reading it back.

    Telemetry that goes on is written to a file beside `out` meanwhile. Give a temporary name and rename.
    `check` is called with every read and may raise, to stop.
    """
    raw = out.with_name(f"{out.name}.gpmf")
    with ExitStack() as stack:
        chapters = _opened(paths, stack, check)
        plan = _plan(chapters)
        try:
            tracks = _with_telemetry(chapters, plan, raw)
            movie = chapters[0].movie
            quicktime = movie.brand in {"qt  ", ""}
            written = write(
                out,
                linked(movie.tracks, tracks),
                timescale=plan.timescale,
                creation_time=movie.creation_time,
                udta=_udta(chapters, plan),
                brand="qt  " if quicktime else movie.brand,
                compatible=("qt  ",) if quicktime else COMPATIBLE,
            )
            prove(out, [(each.src, each.movie) for each in chapters])
        except BaseException:
            out.unlink(missing_ok=True)
            raise
        finally:
            raw.unlink(missing_ok=True)
    telemetry = [each.movie.first("telemetry") for each in chapters]
    return Merged(
        bytes=written.bytes,
        sha256=written.sha256,
        frames=sum(len(each.shown) for each in chapters),
        duration_s=plan.places[-1] / plan.clock,
        payloads=sum(len(track.samples) for track in telemetry if track is not None),
        chapters=tuple(paths),
    )


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """The merged tracks, the movie's ticks a second, and `places`, where chapters begin (and the end)."""

    tracks: tuple[OutTrack, ...]
    timescale: int
    places: tuple[int, ...]
    clock: int

    def place(self, number: int, scale: int) -> int:
        """Where a chapter begins, in ticks of 1/scale s."""
        return rescale(self.places[number], self.clock, scale)


def _opened(paths: Sequence[Path], stack: ExitStack, check: Callable[[], None]) -> list[Chapter]:
    chapters = []
    for path in paths:
        src = Watched(stack.enter_context(FileRanges(path)), check)
        movie = read_movie(src)
        track = main_video(movie)
        shown = presentation(movie, track)
        if not len(shown):
            raise UnsupportedError(f"{path.name} shows no picture at all", remedy="leave it out")
        main = next(at for at, each in enumerate(movie.tracks) if each.number == track.number)
        chapters.append(Chapter(path=path, src=src, movie=movie, main=main, shown=shown))
    return chapters


def _plan(chapters: Sequence[Chapter]) -> _Plan:
    told = [settings(c.path.name, c.src, c.movie, c.movie.tracks[c.main], c.shown) for c in chapters]
    for other in told[1:]:
        require_alike(told[0], other)
    first = chapters[0].movie
    clock = first.tracks[chapters[0].main].timescale
    places = timelines.beginnings([each.shown for each in chapters])
    scale = movie_timescale(clock, [first.timescale, *(track.timescale for track in first.tracks)])
    plan = _Plan(tracks=(), timescale=scale, places=tuple(places), clock=clock)
    return replace(plan, tracks=tuple(_track(chapters, at, plan) for at in range(len(first.tracks))))


def _track(chapters: Sequence[Chapter], at: int, plan: _Plan) -> OutTrack:
    """One track of all chapters, its samples lying where they are."""
    tracks = [each.movie.tracks[at] for each in chapters]
    times = _times(chapters, at, plan)
    stsd, shift = _descriptions(tracks)
    sync = np.concatenate([track.samples.sync for track in tracks])
    description = np.concatenate(
        [_described(track, moved) for track, moved in zip(tracks, shift, strict=True)]
    )
    return replace(
        passthrough(chapters[0].movie, tracks[0], chapters[0].src),
        stsd=stsd,
        pieces=tuple(
            Piece(source=each.src, offset=track.samples.offset, size=track.samples.size)
            for each, track in zip(chapters, tracks, strict=True)
        ),
        duration=times.duration,
        cts_offset=times.cts_offset,
        sync=None if bool(np.all(sync)) else sync,
        description=None if bool(np.all(description == 1)) else description,
        edits=times.edits,
    )


def _times(chapters: Sequence[Chapter], at: int, plan: _Plan) -> timelines.Times:
    tracks = [each.movie.tracks[at] for each in chapters]
    places = [plan.place(number, tracks[0].timescale) for number in range(len(plan.places))]
    if tracks[0].kind == "video":
        shown = [
            each.shown if at == each.main else presentation(each.movie, track)
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
    return full_box("stsd", 0, 0, len(table).to_bytes(4, "big"), *table), numbers


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


def _with_telemetry(chapters: Sequence[Chapter], plan: _Plan, raw: Path) -> list[OutTrack]:
    """The tracks with their telemetry counted and timed as one recording, from the file `raw`."""
    out = list(plan.tracks)
    with raw.open("wb") as file:
        for at, track in enumerate(chapters[0].movie.tracks):
            if track.kind != "telemetry":
                continue
            sizes, start = [], file.tell()
            for data, size in _continued(chapters, at, plan):
                padded = size + -size % 4
                ends = np.cumsum(padded)
                for begin, length in zip((ends - padded).tolist(), size.tolist(), strict=True):
                    file.write(data[begin : begin + length])
                sizes.append(size)
            size = np.concatenate(sizes)
            piece = Piece(source=raw, offset=start + np.cumsum(size) - size, size=size)
            out[at] = replace(out[at], pieces=(piece,))
    return out


def _continued(chapters: Sequence[Chapter], at: int, plan: _Plan) -> list[tuple[bytes, np.ndarray]]:
    told = []
    for number, each in enumerate(chapters):
        track = each.movie.tracks[at]
        samples = track.samples
        start = samples.pts / track.timescale
        payloads = join(
            list(sample_bytes(each.src, track)),
            offset=samples.offset,
            start_s=start,
            end_s=start + samples.duration / track.timescale,
        )
        told.append(running.Chapter(payloads=payloads, begins_s=plan.places[number] / plan.clock))
    made = running.continued(told)
    return [(data, each.movie.tracks[at].samples.size) for data, each in zip(made, chapters, strict=True)]


def _udta(chapters: Sequence[Chapter], plan: _Plan) -> bytes | None:
    if all(each.movie.udta is None for each in chapters):
        return None
    return marks.combined(
        [
            marks.Chapter(udta=each.movie.udta or b"", begins_ms=plan.place(number, 1000))
            for number, each in enumerate(chapters)
        ]
    )
