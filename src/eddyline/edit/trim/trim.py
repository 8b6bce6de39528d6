"""`eddyline trim`: a stretch of a recording as a recording of its own, exact to the frame and the sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from eddyline.core.atomic_output import atomic_output
from eddyline.core.errors import UsageError
from eddyline.core.files import translate_errors
from eddyline.core.process import Runner
from eddyline.edit.track_range import TrackRange
from eddyline.edit.trim import trim_proof
from eddyline.edit.trim.telemetry_track import TelemetryReport, prove
from eddyline.edit.trim.time_values import TimeValue
from eddyline.edit.trim.trim_tracks import Tracks
from eddyline.gpmf.edit.hilight_window import cut_hilights
from eddyline.media.chapters.nero_chapters import trim_nero_list
from eddyline.media.source.open_source import main_video, open_source
from eddyline.media.toolchain import Toolchain
from eddyline.media.video import cut_verification, cut_video
from eddyline.media.video.join import movie_timescale
from eddyline.media.video.smart_cut import CutPlan, plan_exact_cut, plan_keyframe_cut
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, link_references
from eddyline.store.ranges import FileRanges


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
    telemetry: TelemetryReport | None
    left_out: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        plain = {**vars(self), "path": str(self.path), "left_out": list(self.left_out)}
        return {**plain, "telemetry": None if self.telemetry is None else dict(vars(self.telemetry))}


@dataclass(frozen=True, kw_only=True)
class TrimRequest:
    """What to cut: [start, end), and whether to keep to keyframes, so that nothing is encoded."""

    start: TimeValue
    end: TimeValue
    keyframes: bool = False


def trim(
    source: Path, out: Path, wish: TrimRequest, *, tools: Toolchain, runner: Runner | None = None
) -> Trimmed:
    """Write the stretch to `out`: there when all of it is proven, and else not at all.

    Frames are those that begin within [start, end). Raises `UsageError` (an empty stretch, `out` is the
    source), `InputError`, `UnsupportedError` (pictures that cannot be encoded like the source's own),
    `ProofError`, `ToolError`, `TransientError`.
    """
    runner = runner or Runner()
    with translate_errors(f"cutting {source.name}"):
        if out.exists() and out.samefile(source):
            raise UsageError("the cut would replace its source", remedy="give another name with --out")
        with atomic_output(out) as aside:
            opened = open_source(source, work=aside.work, runner=runner, tools=tools)
            with FileRanges(opened.path) as src:
                cut = _Trim(src, opened.movie, wish, aside.work, tools, runner)
                made = cut.perform(aside.file, out)
                lost = [f"{each.kind} ({each.what})" for each in opened.left_out]
                return replace(made, left_out=(*lost, *made.left_out))


class _Trim:
    """One trim at work."""

    def __init__(
        self, src: FileRanges, movie: Movie, wish: TrimRequest, work: Path, tools: Toolchain, runner: Runner
    ) -> None:
        self._src, self._movie, self._wish, self._work = src, movie, wish, work
        self._tools, self._runner = tools, runner
        self._track = main_video(movie)

    def perform(self, aside: Path, out: Path) -> Trimmed:
        source, plan = self._main()
        stretch = self._stretch(source, plan)
        cut = Tracks(
            src=self._src,
            movie=self._movie,
            main=self._track,
            stretch=stretch,
            keyframes=self._wish.keyframes,
            work=self._work,
            tools=self._tools,
            runner=self._runner,
        )
        kept: list[Track] = []
        tracks: list[OutputTrack] = []
        left: list[str] = []
        for track in self._movie.tracks:
            made = cut.picture(source, plan) if track is self._track else cut.beside(track)
            if made is None:
                left.append(f"{track.kind} ({track.format})")
                continue
            kept.append(track)
            tracks.append(made)
        brand = "qt  " if self._movie.quicktime else self._movie.brand
        udta = self._movie.udta
        if udta is not None:
            udta = cut_hilights(udta, float(stretch.start) * 1000, float(stretch.end) * 1000)
            udta = trim_nero_list(udta, stretch.start, stretch.end)
        write_mp4(
            aside,
            link_references(kept, tracks),
            timescale=stretch.timescale,
            creation_time=self._movie.creation_time,
            udta=udta,
            meta=self._movie.meta,
            matrix=self._movie.matrix,
            brand=brand,
            compatible=("qt  ",) if self._movie.quicktime else (brand, "isom", "mp41"),
        )
        told = self._prove(aside, kept, cut, udta)
        return Trimmed(
            path=out,
            first=plan.start,
            last=plan.stop,
            start_s=float(stretch.start),
            end_s=float(stretch.end),
            copied=plan.copied,
            encoded=plan.encoded,
            hidden=plan.hidden,
            telemetry=told,
            left_out=tuple(left),
        )

    def _main(self) -> tuple[cut_video.CutSource, CutPlan]:
        shown = build_presentation(self._movie, self._track)
        scale = self._track.timescale
        first, last = self._wish.start.place(shown, scale), self._wish.end.place(shown, scale)
        if first >= last:
            raise UsageError(
                f"no frame lies between the two times: the recording has {len(shown)} frames"
                f" and ends at {shown.end / scale:.3f} s",
                remedy="give a start before the end, within the recording",
            )
        source = cut_video.CutSource(src=self._src, movie=self._movie, track=self._track, shown=shown)
        cut = plan_keyframe_cut if self._wish.keyframes else plan_exact_cut
        return source, cut(self._src, self._track, shown, first, last)

    def _stretch(self, source: cut_video.CutSource, plan: CutPlan) -> TrackRange:
        scale = self._track.timescale
        begin = int(source.shown.pts[plan.start])
        length = cut_video.range_presentation(source, plan.start, plan.stop).end
        others = [track.timescale for track in self._movie.tracks_of_kind("audio")]
        return TrackRange(
            start=Fraction(begin, scale),
            end=Fraction(begin + length, scale),
            timescale=movie_timescale(scale, [*others, self._movie.timescale]),
        )

    def _prove(
        self, aside: Path, kept: Sequence[Track], cut: Tracks, udta: bytes | None
    ) -> TelemetryReport | None:
        trim_proof.prove(aside, self._movie, kept, cut.stretch, udta)
        trim_proof.prove_pcm(aside, self._src, self._movie, kept, cut.stretch)
        for each in cut.pictures:
            cut_verification.verify_cut(
                aside,
                each.source,
                each.plan,
                each.made.shown,
                work=self._work,
                tools=self._tools,
                runner=self._runner,
                place=[track.number for track in kept].index(each.source.track.number),
            )
        return None if cut.told is None else prove(aside, cut.told)
