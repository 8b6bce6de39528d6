"""`eddyline trim`: copies a range of a recording, exact to the frame and the audio sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from eddyline.core.atomic_output import atomic_output
from eddyline.core.errors import UsageError
from eddyline.core.files import translate_errors
from eddyline.core.processes.runner import Runner
from eddyline.edit.track_range import TrackRange
from eddyline.edit.trim import trim_verification
from eddyline.edit.trim.telemetry_track import TelemetryReport, verify_telemetry
from eddyline.edit.trim.time_values import TimeValue
from eddyline.edit.trim.trim_tracks import TrackCutter
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
    """The result of a trim: frames [first, last) of the source, and their movie time in seconds.

    `copied` frames keep their bytes, `encoded` ones are new; `hidden` frames precede the first in the file
    and are not presented. `left_out` are tracks that a cut cannot keep.
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
        """Return JSON values."""
        plain = {**vars(self), "path": str(self.path), "left_out": list(self.left_out)}
        return {**plain, "telemetry": None if self.telemetry is None else dict(vars(self.telemetry))}


@dataclass(frozen=True, kw_only=True)
class TrimRequest:
    """The range [start, end) to keep.

    `keyframes` extends it to keyframes, so nothing is encoded. `joinable`: the result can be joined to others
    (see `smart_cut.plan_exact_cut`).
    """

    start: TimeValue
    end: TimeValue
    keyframes: bool = False
    joinable: bool = False


def trim(
    source: Path, out: Path, request: TrimRequest, *, tools: Toolchain, runner: Runner | None = None
) -> Trimmed:
    """Write the range to `out`, which appears only after it is verified.

    The frames are those that start within [start, end).

    Raises:
        UsageError: the range is empty, or `out` is the source.
        UnsupportedError: frames cannot be encoded like the source's.
        InputError, ProofError, ToolError, TransientError: as elsewhere.
    """
    runner = runner or Runner()
    with translate_errors(f"cutting {source.name}"):
        if out.exists() and out.samefile(source):
            raise UsageError("the output would replace its source", remedy="pass another name with --out")
        with atomic_output(out) as output:
            opened = open_source(source, work=output.work, runner=runner, tools=tools)
            with FileRanges(opened.path) as src:
                cut = _Trim(src, opened.movie, request, output.work, tools, runner)
                made = cut.perform(output.file, out)
                lost = [f"{each.kind} ({each.what})" for each in opened.left_out]
                return replace(made, left_out=(*lost, *made.left_out))


class _Trim:
    """One trim in progress."""

    def __init__(
        self,
        src: FileRanges,
        movie: Movie,
        request: TrimRequest,
        work: Path,
        tools: Toolchain,
        runner: Runner,
    ) -> None:
        self._src, self._movie, self._request, self._work = src, movie, request, work
        self._tools, self._runner = tools, runner
        self._track = main_video(movie)

    def perform(self, output: Path, out: Path) -> Trimmed:
        source, plan = self._main()
        cut_range = self._cut_range(source, plan)
        cut = TrackCutter(
            src=self._src,
            movie=self._movie,
            main=self._track,
            cut_range=cut_range,
            keyframes=self._request.keyframes,
            joinable=self._request.joinable,
            work=self._work,
            tools=self._tools,
            runner=self._runner,
        )
        kept: list[Track] = []
        tracks: list[OutputTrack] = []
        left: list[str] = []
        for track in self._movie.tracks:
            made = cut.cut_video(source, plan) if track is self._track else cut.cut_track(track)
            if made is None:
                left.append(f"{track.kind} ({track.format})")
                continue
            kept.append(track)
            tracks.append(made)
        brand = "qt  " if self._movie.quicktime else self._movie.brand
        udta = self._movie.udta
        if udta is not None:
            udta = cut_hilights(udta, float(cut_range.start) * 1000, float(cut_range.end) * 1000)
            udta = trim_nero_list(udta, cut_range.start, cut_range.end)
        write_mp4(
            output,
            link_references(kept, tracks),
            timescale=cut_range.timescale,
            creation_time=self._movie.creation_time,
            udta=udta,
            meta=self._movie.meta,
            matrix=self._movie.matrix,
            brand=brand,
            compatible=("qt  ",) if self._movie.quicktime else (brand, "isom", "mp41"),
        )
        telemetry = self._verify(output, kept, cut, udta)
        return Trimmed(
            path=out,
            first=plan.start,
            last=plan.stop,
            start_s=float(cut_range.start),
            end_s=float(cut_range.end),
            copied=plan.copied,
            encoded=plan.encoded,
            hidden=plan.hidden,
            telemetry=telemetry,
            left_out=tuple(left),
        )

    def _main(self) -> tuple[cut_video.CutSource, CutPlan]:
        shown = build_presentation(self._movie, self._track)
        scale = self._track.timescale
        first, last = (
            self._request.start.frame_index(shown, scale),
            self._request.end.frame_index(shown, scale),
        )
        if first >= last:
            raise UsageError(
                f"no frame starts between the two times: the recording has {len(shown)} frames"
                f" and ends at {shown.end / scale:.3f} s",
                remedy="pass a start before the end, within the recording",
            )
        source = cut_video.CutSource(src=self._src, movie=self._movie, track=self._track, shown=shown)
        if self._request.keyframes:
            return source, plan_keyframe_cut(self._src, self._track, shown, first, last)
        joinable = self._request.joinable
        return source, plan_exact_cut(self._src, self._track, shown, first, last, joinable=joinable)

    def _cut_range(self, source: cut_video.CutSource, plan: CutPlan) -> TrackRange:
        scale = self._track.timescale
        begin = int(source.shown.pts[plan.start])
        length = cut_video.range_presentation(source, plan.start, plan.stop).end
        others = [track.timescale for track in self._movie.tracks_of_kind("audio")]
        return TrackRange(
            start=Fraction(begin, scale),
            end=Fraction(begin + length, scale),
            timescale=movie_timescale(scale, [*others, self._movie.timescale]),
        )

    def _verify(
        self, output: Path, kept: Sequence[Track], cut: TrackCutter, udta: bytes | None
    ) -> TelemetryReport | None:
        trim_verification.verify_tracks(output, self._movie, kept, cut.cut_range, udta)
        trim_verification.verify_pcm(output, self._src, self._movie, kept, cut.cut_range)
        for each in cut.videos:
            cut_verification.verify_cut(
                output,
                each.source,
                each.plan,
                each.made.shown,
                work=self._work,
                tools=self._tools,
                runner=self._runner,
                place=[track.number for track in kept].index(each.source.track.number),
            )
        return None if cut.telemetry is None else verify_telemetry(output, cut.telemetry)
