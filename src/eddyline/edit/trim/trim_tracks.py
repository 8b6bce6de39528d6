"""Cuts each track of a recording to the range, by its kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.core.processes.runner import Runner
from eddyline.edit.track_range import TrackRange, cut_audio, cut_data
from eddyline.edit.trim.telemetry_track import TelemetryTrack, cut_telemetry_track
from eddyline.edit.trim.timecode import cut_timecode
from eddyline.media.source.probe import probe
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.media.video import cut_video
from eddyline.media.video.smart_cut import CutPlan, plan_exact_cut, plan_keyframe_cut
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.write.output_track import OutputTrack
from eddyline.store.ranges import FileRanges

_STILLS = frozenset({"jpeg", "png ", "tiff", "gif "})


@dataclass(frozen=True, kw_only=True)
class CutVideoTrack:
    """A video track that was cut, with the values that verify it."""

    source: cut_video.CutSource
    plan: CutPlan
    made: cut_video.CutVideo


@dataclass(kw_only=True, eq=False)
class TrackCutter:
    """Cuts the tracks of `movie` to the range of the selected frames of its `main` video track.

    `keyframes`: encode no frames. `joinable`: see `smart_cut.plan_exact_cut`. `videos` and `telemetry`
    collect what must be verified.
    """

    src: FileRanges
    movie: Movie
    main: Track
    cut_range: TrackRange
    keyframes: bool
    work: Path
    tools: Toolchain
    runner: Runner
    joinable: bool = False
    videos: list[CutVideoTrack] = field(default_factory=list)
    telemetry: TelemetryTrack | None = None
    _facts: VideoFacts | None = None

    def cut_video(self, source: cut_video.CutSource, plan: CutPlan) -> OutputTrack:
        """Cut a video track to the frames of `plan`."""
        work = self.work / f"video-{source.track.number}"
        work.mkdir()
        if plan.encoded and self._facts is None:
            self._facts = probe(
                self.src, self.movie, runner=self.runner, tools=self.tools, work=self.work, join_pair=False
            ).video
        made = cut_video.build_cut_video(
            source,
            plan,
            self._facts,
            timescale=self.cut_range.timescale,
            work=work,
            tools=self.tools,
            runner=self.runner,
        )
        self.videos.append(CutVideoTrack(source=source, plan=plan, made=made))
        return made.out

    def cut_track(self, track: Track) -> OutputTrack | None:
        """Cut another track; returns None for one that a cut cannot keep."""
        if not len(track.samples) or track.encrypted or not track.media_header:
            return None
        match track.kind:
            case "audio":
                return cut_audio(self.movie, track, self.src, self.cut_range)
            case "timecode":
                return cut_timecode(self.movie, track, self.src, self.cut_range, self.work)
            case "telemetry":
                return self._telemetry(track)
            case "video":
                return self._cut_secondary_video(track)
        # Samples without a duration describe the camera's file layout (fdsc), which a cut does not have.
        timeless = not np.any(track.samples.duration)
        return None if timeless else cut_data(self.movie, track, self.src, self.cut_range)

    def _telemetry(self, track: Track) -> OutputTrack | None:
        if self.telemetry is not None or track.format != "gpmd":
            return None
        self.telemetry = cut_telemetry_track(
            self.src,
            self.movie,
            track,
            self.cut_range,
            video_timescale=self.main.timescale,
            out=self.work / "telemetry",
        )
        return None if self.telemetry is None else self.telemetry.out

    def _cut_secondary_video(self, track: Track) -> OutputTrack | None:
        """Cut another video track (a 360-degree camera's second lens) at the times of the main one."""
        if track.format in _STILLS:
            return None
        shown = build_presentation(self.movie, track)
        times = shown.pts * self.cut_range.start.denominator
        first = int(np.searchsorted(times, self.cut_range.start.numerator * track.timescale))
        times = shown.pts * self.cut_range.end.denominator
        last = int(np.searchsorted(times, self.cut_range.end.numerator * track.timescale))
        if first >= last:
            return None
        source = cut_video.CutSource(src=self.src, movie=self.movie, track=track, shown=shown)
        if not self.keyframes:
            plan = plan_exact_cut(self.src, track, shown, first, last, joinable=self.joinable)
            return self.cut_video(source, plan)
        plan = plan_keyframe_cut(self.src, track, shown, first, last)
        if (plan.start, plan.stop) != (first, last):
            raise UnsupportedError(
                "the video tracks have keyframes at different times", remedy="trim without --keyframes"
            )
        return self.cut_video(source, plan)
