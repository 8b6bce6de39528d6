"""`eddyline trim`: a stretch of a recording as a recording of its own, exact to the frame and the sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from eddyline.core.appearing import appearing
from eddyline.core.errors import ProofError, UnsupportedError, UsageError
from eddyline.core.files import told_apart
from eddyline.core.process import Runner
from eddyline.core.ranges import FileRanges
from eddyline.gpmf.edit.within import within
from eddyline.media import cutproof, cutvideo
from eddyline.media.external import lossless
from eddyline.media.footage import main_video, open_footage
from eddyline.media.join import movie_timescale
from eddyline.media.probe import probe
from eddyline.media.smartcut import Cut, at_keyframes, between
from eddyline.media.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.mux import OutTrack, linked, write
from eddyline.mp4.presentation import presentation
from eddyline.mp4.slice import copy_tracks
from eddyline.pipeline.edit import trimproof
from eddyline.pipeline.edit.moments import Moment
from eddyline.pipeline.edit.stretch import UNCOMPRESSED, Stretch, data, sound
from eddyline.pipeline.edit.telemetry import Telling, Told, prove, telling
from eddyline.pipeline.edit.timecode import timecode

_STILLS = frozenset({"jpeg", "png ", "tiff", "gif "})


@dataclass(frozen=True, kw_only=True)
class Trimmed:
    """What was cut: frames [first, last) of the source, seconds of its movie time, and how.

    `copied` frames are the camera's own bytes, `encoded` ones new; `hidden` lie in the file before the first,
    but are not shown. `left_out` are tracks that mean nothing in a cut.
    """

    path: Path
    first: int
    last: int
    start_s: float
    end_s: float
    copied: int
    encoded: int
    hidden: int
    telemetry: Told | None
    left_out: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        plain = {**vars(self), "path": str(self.path), "left_out": list(self.left_out)}
        return {**plain, "telemetry": None if self.telemetry is None else dict(vars(self.telemetry))}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to cut: [start, end), and whether to keep to keyframes, so that nothing is encoded."""

    start: Moment
    end: Moment
    keyframes: bool = False


def trim(source: Path, out: Path, wish: Wish, *, tools: Toolchain, runner: Runner | None = None) -> Trimmed:
    """Write the stretch to `out`: there when all of it is proven, and else not at all.

    Frames are those that begin within [start, end). Raises `UsageError` (an empty stretch, `out` is the
    source), `InputError`, `UnsupportedError` (pictures that cannot be encoded like the source's own),
    `ProofError`, `ToolError`, `TransientError`.
    """
    runner = runner or Runner()
    with told_apart(f"cutting {source.name}"):
        if out.exists() and out.samefile(source):
            raise UsageError("the cut would replace its source", remedy="give another name with --out")
        with appearing(out) as aside:
            opened = open_footage(source, work=aside.work, runner=runner, tools=tools)
            with FileRanges(opened.path) as src:
                cut = _Trim(src, opened.movie, wish, aside.work, tools, runner)
                return cut.perform(aside.file, out)


class _Trim:
    """One trim at work."""

    def __init__(
        self, src: FileRanges, movie: Movie, wish: Wish, work: Path, tools: Toolchain, runner: Runner
    ) -> None:
        self._src, self._movie, self._wish, self._work = src, movie, wish, work
        self._tools, self._runner = tools, runner
        self._track = main_video(movie)
        self._facts: VideoFacts | None = None
        self._told: Telling | None = None
        self._proofs: list[tuple[cutvideo.Source, Cut, cutvideo.Video]] = []

    def perform(self, aside: Path, out: Path) -> Trimmed:
        source, plan = self._main()
        stretch = self._stretch(source, plan)
        kept: list[Track] = []
        tracks: list[OutTrack] = []
        left: list[str] = []
        for track in self._movie.tracks:
            made = self._video(source, plan, stretch) if track is self._track else self._made(track, stretch)
            if made is None:
                left.append(f"{track.kind} ({track.format})")
                continue
            kept.append(track)
            tracks.append(made)
        brand = "qt  " if self._movie.quicktime else self._movie.brand
        udta = self._movie.udta
        if udta is not None:
            udta = within(udta, float(stretch.start) * 1000, float(stretch.end) * 1000)
        write(
            aside,
            linked(kept, tracks),
            timescale=stretch.timescale,
            creation_time=self._movie.creation_time,
            udta=udta,
            brand=brand,
            compatible=("qt  ",) if self._movie.quicktime else (brand, "isom", "mp41"),
        )
        told = self._prove(aside, kept, stretch, udta)
        return Trimmed(
            path=out,
            first=plan.first,
            last=plan.last,
            start_s=float(stretch.start),
            end_s=float(stretch.end),
            copied=plan.copied,
            encoded=plan.encoded,
            hidden=plan.hidden,
            telemetry=told,
            left_out=tuple(left),
        )

    def _main(self) -> tuple[cutvideo.Source, Cut]:
        shown = presentation(self._movie, self._track)
        scale = self._track.timescale
        first, last = self._wish.start.place(shown, scale), self._wish.end.place(shown, scale)
        if first >= last:
            raise UsageError(
                f"no frame lies between the two times: the recording has {len(shown)} frames"
                f" and ends at {shown.end / scale:.3f} s",
                remedy="give a start before the end, within the recording",
            )
        source = cutvideo.Source(src=self._src, movie=self._movie, track=self._track, shown=shown)
        cut = at_keyframes if self._wish.keyframes else between
        return source, cut(self._src, self._track, shown, first, last)

    def _stretch(self, source: cutvideo.Source, plan: Cut) -> Stretch:
        scale = self._track.timescale
        begin = int(source.shown.pts[plan.first])
        length = cutvideo.times_of(source, plan.first, plan.last).end
        others = [track.timescale for track in self._movie.of_kind("audio")]
        return Stretch(
            start=Fraction(begin, scale),
            end=Fraction(begin + length, scale),
            timescale=movie_timescale(scale, [*others, self._movie.timescale]),
        )

    def _video(self, source: cutvideo.Source, plan: Cut, stretch: Stretch) -> OutTrack:
        work = self._work / f"video-{source.track.number}"
        work.mkdir()
        if plan.encoded and self._facts is None:
            self._facts = probe(
                self._src, self._movie, runner=self._runner, tools=self._tools, work=self._work
            ).video
        made = cutvideo.make(
            source,
            plan,
            self._facts,
            timescale=stretch.timescale,
            work=work,
            tools=self._tools,
            runner=self._runner,
        )
        self._proofs.append((source, plan, made))
        return made.out

    def _made(self, track: Track, stretch: Stretch) -> OutTrack | None:
        """A track beside the main picture; None for one that means nothing in a cut."""
        if not len(track.samples) or track.encrypted or not track.media_header:
            return None
        match track.kind:
            case "audio":
                return self._sound(track, stretch)
            case "timecode":
                return timecode(self._movie, track, self._src, stretch, self._work)
            case "telemetry":
                return self._telemetry(track, stretch)
            case "video":
                return self._second(track, stretch)
        # fdsc says where the camera put what in its own file; samples that last no time have no place here.
        timeless = not np.any(track.samples.duration)
        return None if timeless else data(self._movie, track, self._src, stretch)

    def _sound(self, track: Track, stretch: Stretch) -> OutTrack | None:
        """Packets as they are; uncompressed sound, which has none, is kept bit for bit as Apple Lossless."""
        if track.format not in UNCOMPRESSED:
            return sound(self._movie, track, self._src, stretch)
        plain = self._work / f"sound-{track.number}.mov"
        made = self._work / f"sound-{track.number}.mp4"
        copy_tracks(self._src, self._movie, [track], plain)
        lossless(plain, made, tools=self._tools, runner=self._runner)
        plain.unlink()
        with FileRanges(made) as source:
            movie = read_movie(source)
            found = movie.first("audio")
            if found is None:
                raise ProofError(f"no sound was made of track {track.number}")
            out = sound(movie, found, source, stretch)
        if out is None:
            return None
        pieces = tuple(replace(piece, source=made) for piece in out.pieces)
        return replace(out, pieces=pieces, name=track.name, language=track.language, enabled=track.enabled)

    def _telemetry(self, track: Track, stretch: Stretch) -> OutTrack | None:
        if self._told is not None or track.format != "gpmd":
            return None
        self._told = telling(
            self._src,
            self._movie,
            track,
            stretch,
            video_timescale=self._track.timescale,
            out=self._work / "telemetry",
        )
        return None if self._told is None else self._told.out

    def _second(self, track: Track, stretch: Stretch) -> OutTrack | None:
        """A further picture (the other lens of a 360 camera), cut where the main one is."""
        if track.format in _STILLS:
            return None
        shown = presentation(self._movie, track)
        times = shown.pts * stretch.start.denominator
        first = int(np.searchsorted(times, stretch.start.numerator * track.timescale))
        times = shown.pts * stretch.end.denominator
        last = int(np.searchsorted(times, stretch.end.numerator * track.timescale))
        if first >= last:
            return None
        source = cutvideo.Source(src=self._src, movie=self._movie, track=track, shown=shown)
        if not self._wish.keyframes:
            return self._video(source, between(self._src, track, shown, first, last), stretch)
        plan = at_keyframes(self._src, track, shown, first, last)
        if (plan.first, plan.last) != (first, last):
            raise UnsupportedError(
                "the video tracks have their keyframes at different times", remedy="cut without --keyframes"
            )
        return self._video(source, plan, stretch)

    def _prove(self, aside: Path, kept: Sequence[Track], stretch: Stretch, udta: bytes | None) -> Told | None:
        trimproof.prove(aside, self._movie, kept, stretch, udta)
        for source, plan, video in self._proofs:
            cutproof.prove(
                aside,
                source,
                plan,
                video.shown,
                work=self._work,
                tools=self._tools,
                runner=self._runner,
                place=[track.number for track in kept].index(source.track.number),
            )
        return None if self._told is None else prove(aside, self._told)
