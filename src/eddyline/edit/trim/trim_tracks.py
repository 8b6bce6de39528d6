"""The tracks of a trimmed recording: each cut to the stretch, in the way that suits its kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.core.process import Runner
from eddyline.edit.track_range import TrackRange, data, sound
from eddyline.edit.trim.telemetry_track import Telling, telling
from eddyline.edit.trim.timecode import timecode
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
class Picture:
    """A video track that was cut, with what its proof needs."""

    source: cut_video.CutSource
    plan: CutPlan
    made: cut_video.CutVideo


@dataclass(kw_only=True, eq=False)
class Tracks:
    """Cuts the tracks of `movie` to the stretch that frames of its `main` picture last.

    `keyframes`: no picture is encoded. What was made and is to be proven: the `pictures`, and what is `told`.
    """

    src: FileRanges
    movie: Movie
    main: Track
    stretch: TrackRange
    keyframes: bool
    work: Path
    tools: Toolchain
    runner: Runner
    pictures: list[Picture] = field(default_factory=list)
    told: Telling | None = None
    _facts: VideoFacts | None = None

    def picture(self, source: cut_video.CutSource, plan: CutPlan) -> OutputTrack:
        """A video track with the frames of `plan`."""
        work = self.work / f"video-{source.track.number}"
        work.mkdir()
        if plan.encoded and self._facts is None:
            self._facts = probe(
                self.src, self.movie, runner=self.runner, tools=self.tools, work=self.work
            ).video
        made = cut_video.build_cut_video(
            source,
            plan,
            self._facts,
            timescale=self.stretch.timescale,
            work=work,
            tools=self.tools,
            runner=self.runner,
        )
        self.pictures.append(Picture(source=source, plan=plan, made=made))
        return made.out

    def beside(self, track: Track) -> OutputTrack | None:
        """A track beside the main picture; None for one that means nothing in a cut."""
        if not len(track.samples) or track.encrypted or not track.media_header:
            return None
        match track.kind:
            case "audio":
                return sound(self.movie, track, self.src, self.stretch)
            case "timecode":
                return timecode(self.movie, track, self.src, self.stretch, self.work)
            case "telemetry":
                return self._telemetry(track)
            case "video":
                return self._second(track)
        # fdsc says where the camera put what in its own file; samples that last no time have no place here.
        timeless = not np.any(track.samples.duration)
        return None if timeless else data(self.movie, track, self.src, self.stretch)

    def _telemetry(self, track: Track) -> OutputTrack | None:
        if self.told is not None or track.format != "gpmd":
            return None
        self.told = telling(
            self.src,
            self.movie,
            track,
            self.stretch,
            video_timescale=self.main.timescale,
            out=self.work / "telemetry",
        )
        return None if self.told is None else self.told.out

    def _second(self, track: Track) -> OutputTrack | None:
        """A further picture (the other lens of a 360 camera), cut where the main one is."""
        if track.format in _STILLS:
            return None
        shown = build_presentation(self.movie, track)
        times = shown.pts * self.stretch.start.denominator
        first = int(np.searchsorted(times, self.stretch.start.numerator * track.timescale))
        times = shown.pts * self.stretch.end.denominator
        last = int(np.searchsorted(times, self.stretch.end.numerator * track.timescale))
        if first >= last:
            return None
        source = cut_video.CutSource(src=self.src, movie=self.movie, track=track, shown=shown)
        if not self.keyframes:
            return self.picture(source, plan_exact_cut(self.src, track, shown, first, last))
        plan = plan_keyframe_cut(self.src, track, shown, first, last)
        if (plan.start, plan.stop) != (first, last):
            raise UnsupportedError(
                "the video tracks have their keyframes at different times", remedy="cut without --keyframes"
            )
        return self.picture(source, plan)
