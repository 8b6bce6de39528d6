"""The packager's inputs: the video of each rendition, and each audio track, as a file with one track.

The packager rejects files with a telemetry track.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError, UsageError
from eddyline.media.audio.renditions import AudioRendition
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.streaming.segment_duration import SegmentDuration, choose_segment_duration
from eddyline.media.streaming.timeline import Timeline
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import copy_tracks
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, passthrough
from eddyline.store.ranges import FileRanges

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, kw_only=True)
class VariantFrames:
    """The frames of a rendition, and the grid in numbers of these frames."""

    timeline: Timeline
    grid: Grid

    @property
    def keyframes(self) -> Timeline:
        """The times of the keyframes."""
        return self.timeline.thinned(self.grid.gop)


@dataclass(frozen=True, kw_only=True)
class AudioDescription:
    """One audio stream: a rendition of the source's track number `track` (from 0), and its packets.

    `variant`: see `AudioRendition`. `language` is ISO 639-2 ("und" if unknown), `label` what the source calls
    the track ("" if nothing). `priming` is the number of packets before the first shown one.
    """

    track: int
    variant: str
    codec: str
    channels: int
    language: str
    label: str
    packets: Timeline
    priming: int


@dataclass(frozen=True, kw_only=True)
class ElementaryStream:
    """One elementary stream: `name` is its directory in the stream, `path` a file with this track alone.

    `track` is the rendition's video track and `frames` are its frames; None for audio. `audio` describes
    audio; None for video.
    """

    name: str
    path: str
    kind: str
    track: Track | None = None
    frames: VariantFrames | None = None
    audio: AudioDescription | None = None


def write_elementary_streams(
    renditions: Sequence[tuple[Rung, Path]],
    grid: Grid,
    work: Path,
    audio_renditions: Sequence[AudioRendition] | None = None,
) -> tuple[list[ElementaryStream], SegmentDuration]:
    """Write the packager's inputs to `work`: the video of all renditions, and the audio of the first.

    Returns them with the segment duration. `grid` is the source's. `audio_renditions` are those of the audio
    tracks of a rendition, in order (None: each is one track of the source). Raises `ProofError` unless
    renditions with equal frame steps have the same frames, and all have keyframes exactly on the grid, at the
    same times.
    """
    videos: list[ElementaryStream] = []
    audio: list[ElementaryStream] = []
    for position, (rung, path) in enumerate(renditions):
        if not _PLAIN_NAME.fullmatch(rung.name) or rung.name in {each.name for each in videos}:
            raise UsageError(f"invalid or duplicate rendition name {rung.name!r} for a stream")
        with FileRanges(path) as source:
            movie = read_movie(source)
            video = movie.first_track("video")
            if video is None:
                raise ProofError(f"rendition {rung.name} has no video")
            frames = _frames(movie, video, grid.thinned(rung.frame_step), rung.name)
            for other in videos:
                _require_same_times(rung.name, frames, other)
            if not videos:
                audio = _write_audio(source, movie, work, audio_renditions)
            copy_tracks(source, movie, [video], work / f"v{position}.mp4")
        videos.append(
            ElementaryStream(
                name=rung.name, path=f"v{position}.mp4", kind="video", track=video, frames=frames
            )
        )
    if not videos or videos[0].frames is None:
        raise UsageError("no rendition to package")
    return [*videos, *audio], segment_duration(videos[0].frames.keyframes, grid)


def segment_duration(keyframes: Timeline, grid: Grid) -> SegmentDuration:
    """The segment duration of a stream with these keyframes."""
    return choose_segment_duration(
        keyframes.pts,
        gops=max(1, grid.segment // grid.gop),
        timescale=keyframes.timescale,
        segment_s=grid.segment_s,
    )


def _require_same_times(name: str, frames: VariantFrames, other: ElementaryStream) -> None:
    """Raise `ProofError` unless two renditions show the same frames, or every n-th of the same frames."""
    if other.frames is None:
        return
    if frames.grid == other.frames.grid:
        same = frames.timeline.has_same_frames(other.frames.timeline)
    else:
        same = frames.keyframes.has_same_frames(other.frames.keyframes)
    if not same:
        raise ProofError(f"rendition {name} has different frame times than {other.name}")


def _frames(movie: Movie, video: Track, grid: Grid, name: str) -> VariantFrames:
    shown = build_presentation(movie, video)
    if not len(shown):
        raise ProofError(f"rendition {name} has no shown frame")
    keyframes = np.flatnonzero(video.samples.sync[shown.sample])
    if not np.array_equal(keyframes, np.arange(0, len(shown), grid.gop)):
        raise ProofError(f"rendition {name} does not have its keyframes exactly every {grid.gop} frames")
    timeline = Timeline(pts=shown.pts, end=shown.end, timescale=video.timescale)
    return VariantFrames(timeline=timeline, grid=grid)


def _write_audio(
    source: FileRanges, movie: Movie, work: Path, renditions: Sequence[AudioRendition] | None
) -> list[ElementaryStream]:
    tracks = movie.tracks_of_kind("audio")
    if renditions is None:
        renditions = [AudioRendition.of_track(number, each.channels) for number, each in enumerate(tracks)]
    if len(tracks) != len(renditions):
        raise ProofError(f"a rendition has {len(tracks)} audio tracks instead of {len(renditions)}")
    return [
        write_audio_stream(passthrough(movie, track, source), each, movie.timescale, work)
        for track, each in zip(tracks, renditions, strict=True)
    ]


def write_audio_stream(
    track: OutputTrack, rendition: AudioRendition, timescale: int, work: Path
) -> ElementaryStream:
    """Write one audio track of a rendition alone to `work`, in a movie of this timescale."""
    path = f"{rendition.name}.mp4"
    # The packager copies the language to its output; only a valid code may reach it.
    language = track.language if re.fullmatch(r"[a-z]{3}", track.language) else "und"
    write_mp4(work / path, [replace(track, language=language)], timescale=timescale)
    with FileRanges(work / path) as file:
        movie = read_movie(file)
    written = movie.tracks[0]
    shown = build_presentation(movie, written)
    audio = AudioDescription(
        track=rendition.track,
        variant=rendition.variant,
        codec=rendition.codec,
        channels=rendition.mix.channels,
        language=language,
        label=track.title,
        packets=Timeline(pts=shown.pts, end=shown.end, timescale=written.timescale),
        priming=int(shown.sample[0]) if len(shown) else 0,
    )
    return ElementaryStream(name=rendition.name, path=path, kind="audio", audio=audio)
