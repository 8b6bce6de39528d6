"""Measures windows of frames of finished renditions against the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from eddyline.core.files import translate_errors
from eddyline.core.processes.runner import Runner
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.quality.comparison import Distorted, Reference
from eddyline.media.quality.measure import measure
from eddyline.media.quality.metrics import Metric
from eddyline.media.source.eac_pair import SecondTrack, write_video_slice
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.excerpt import write_excerpt
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation

MARGIN: Final = 8
"""Frames before and after a window that give all its frames, except the source's first and last, the values
that they have when the whole file is measured: the widest metric of motion looks two frames back and ahead,
and averages."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """The source frames [start, stop), of which the values of [first, last) are wanted.

    The others are their neighbours: metrics of motion need them.
    """

    start: int
    stop: int
    first: int
    last: int

    def from_start(self, start: int) -> Window:
        """The window with another first frame."""
        return replace(self, start=start)


@dataclass(frozen=True, kw_only=True)
class SourceVideo:
    """The source's video, with its index; `second` is the second track of a pair (`eac_pair`)."""

    src: ByteRanges
    movie: Movie
    track: Track
    shown: Presentation
    facts: VideoFacts
    second: SecondTrack | None = None


@dataclass(frozen=True, kw_only=True)
class RenditionVideo:
    """A finished rendition of `rung`, with its index.

    It is compared at the size of the rung `compared_at` (None: its own), which has the same frame step.
    """

    rung: Rung
    src: ByteRanges
    track: Track
    shown: Presentation
    compared_at: Rung | None = None


WindowValues = dict[Metric, list[list[float]]]
"""The values of the measured frames of each window, by metric."""


def measure_windows(
    source: SourceVideo,
    renditions: Sequence[RenditionVideo],
    windows: Sequence[Window],
    *,
    rungs: Sequence[Rung],
    grid: Grid,
    metrics: Sequence[Metric],
    interval: int,
    tools: Toolchain,
    runner: Runner,
    work: Path,
    threads: int = 1,
) -> dict[str, WindowValues]:
    """The values of the renditions by the names of their rungs, with one FFmpeg command.

    `rungs` are those of the reference (see `Reference`). Of the frames of a rendition in all windows, every
    `interval`-th is measured, and its values are returned if they are wanted. The directory `work` gets
    temporary files. Raises the errors of `measure`.
    """
    with translate_errors("measuring the quality"):
        work.mkdir(parents=True, exist_ok=True)
    pieces = [
        write_video_slice(
            source.src,
            source.movie,
            source.track,
            source.shown,
            source.second,
            start=window.start,
            stop=window.stop,
            out=work / f"source-{number}.mp4",
        )
        for number, window in enumerate(windows)
    ]
    files = [_distorted(each, windows, interval, work) for each in renditions]
    try:
        found = measure(
            Reference(pieces=pieces, facts=source.facts, rungs=rungs, grid=grid),
            files,
            metrics=metrics,
            tools=tools,
            runner=runner,
            work=work,
            threads=threads,
        )
    finally:
        slices = [track.path for piece in pieces for track in piece.tracks]
        for path in (*slices, *(file.path for file in files)):
            path.unlink(missing_ok=True)
    return {
        each.rung.name: {
            metric: _by_window(values, _wanted(windows, each.rung, interval))
            for metric, values in found[each.rung.name].items()
        }
        for each in renditions
    }


def _distorted(rendition: RenditionVideo, windows: Sequence[Window], interval: int, work: Path) -> Distorted:
    step, fields = rendition.rung.frame_step, rendition.rung.fields
    excerpt = write_excerpt(
        rendition.src,
        rendition.track,
        rendition.shown,
        [(-(-window.start * fields // step), -(-window.stop * fields // step)) for window in windows],
        work / f"{rendition.rung.name}.mp4",
    )
    return Distorted(
        name=rendition.rung.name,
        rung=rendition.compared_at or rendition.rung,
        path=excerpt.path,
        wanted=[place for group in _wanted(windows, rendition.rung, interval) for place in group],
        ranges=excerpt.ranges,
        interval=interval,
        encoded_size=None if rendition.compared_at is None else (rendition.rung.width, rendition.rung.height),
    )


def _wanted(windows: Sequence[Window], rung: Rung, interval: int) -> list[list[int]]:
    """For each window, the places of the measured frames among the rendition's frames in all windows."""
    groups: list[list[int]] = []
    place, step, fields = 0, rung.frame_step, rung.fields
    for window in windows:
        frames = range(-(-window.start * fields // step) * step, window.stop * fields, step)
        groups.append(
            [
                place + at
                for at, frame in enumerate(frames)
                if window.first * fields <= frame < window.last * fields and (place + at) % interval == 0
            ]
        )
        place += len(frames)
    return groups


def _by_window(values: Sequence[float], groups: Sequence[Sequence[int]]) -> list[list[float]]:
    left = iter(values)
    return [[next(left) for _ in group] for group in groups]
