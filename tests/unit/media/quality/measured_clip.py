"""A small source with files encoded from it, compared by the functions under test."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eddyline.core.processes.runner import Runner
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.quality.comparison import Distorted, Reference
from eddyline.media.quality.measure import measure
from eddyline.media.quality.metrics import SAMPLED, Metric
from eddyline.media.quality.pooling import FrameValues
from eddyline.media.quality.windows import (
    RenditionVideo,
    SourceVideo,
    Window,
    WindowValues,
    measure_windows,
)
from eddyline.media.source.open_source import main_video, open_source
from eddyline.media.source.probe import probe
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.encode import decode_arguments
from eddyline.media.video.filters import encoder_time_base
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import Slice, write_slice
from eddyline.store.ranges import FileRanges

GOP = 10
LOSSLESS = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0")


@dataclass(kw_only=True)
class MeasuredClip:
    """The source `path`, with one rung of its size, or of `lines` lines."""

    path: Path
    work: Path
    tools: Toolchain
    lines: int = 0
    pixel_format: str = "yuv420p"
    keep_hdr: bool = False
    runner: Runner = field(default_factory=Runner)
    facts: VideoFacts = field(init=False)
    rung: Rung = field(init=False)

    def __post_init__(self) -> None:
        self.path = open_source(self.path, work=self.work, runner=self.runner, tools=self.tools).path
        with FileRanges(self.path) as src:
            movie = read_movie(src)
            self.facts = probe(src, movie, runner=self.runner, tools=self.tools, work=self.work).video
        width, height = self.facts.display_width, self.facts.display_height
        if self.lines:
            width, height = width * self.lines // height, self.lines
        self.rung = Rung(
            name="rung",
            codec="h264",
            encoder="libx264",
            width=width // 2 * 2,
            height=height // 2 * 2,
            crf=23,
            preset="ultrafast",
            maxrate_kbps=100_000,
            bufsize_kbps=100_000,
            pixel_format=self.pixel_format,
            keep_hdr=self.keep_hdr,
        )

    @property
    def grid(self) -> Grid:
        """GOPs of 10 frames."""
        return Grid(gop=GOP, segment=GOP, fps=self.facts.fps)

    def slice(self, start: int = 0, stop: int | None = None, name: str = "slice") -> Slice:
        """A slice of the source."""
        with FileRanges(self.path) as src:
            movie = read_movie(src)
            track = main_video(movie)
            stop = self.facts.frames if stop is None else stop
            return write_slice(src, movie, track, start, stop, self.work / f"{name}.mp4")

    def encode(
        self,
        options: Sequence[str] = LOSSLESS,
        *,
        filters: str = "null",
        name: str = "encoded",
        gop: int = GOP,
    ) -> Path:
        """The frames as the encoder of the rung receives them, through `filters`, encoded with `options`."""
        out = self.work / f"{name}.mp4"
        command = list(decode_arguments(self.slice(), self.facts, [self.rung], self.grid, self.tools))
        command[command.index("-filter_complex") + 1] += f";[v0]{filters}[out]"
        output = ("-map", "[out]", "-fps_mode", "passthrough", "-g", str(gop), "-bf", "2", *options)
        base = encoder_time_base(self.facts, self.grid)
        times = ("-enc_time_base", f"{base.numerator}:{base.denominator}")
        subprocess.run([*command, *output, *times, str(out)], check=True)
        return out

    def measure_windows(
        self, path: Path, windows: Sequence[Window], metrics: Sequence[Metric], *, interval: int
    ) -> WindowValues:
        """The values of windows of an encoded file."""
        with FileRanges(self.path) as src, FileRanges(path) as encoded:
            movie, other = read_movie(src), read_movie(encoded)
            track, copy = main_video(movie), main_video(other)
            shown = build_presentation(movie, track)
            return measure_windows(
                SourceVideo(src=src, movie=movie, track=track, shown=shown, facts=self.facts),
                [
                    RenditionVideo(
                        rung=self.rung, src=encoded, track=copy, shown=build_presentation(other, copy)
                    )
                ],
                windows,
                rungs=[self.rung],
                grid=self.grid,
                metrics=metrics,
                interval=interval,
                tools=self.tools,
                runner=self.runner,
                work=self.work / "windows",
            )["rung"]

    def measure(self, file: Path | Distorted, metrics: Sequence[Metric] = SAMPLED) -> FrameValues:
        """The values of all frames of a file."""
        if isinstance(file, Path):
            file = Distorted(name="file", rung=self.rung, path=file, wanted=range(self.facts.frames))
        reference = Reference(pieces=[self.slice()], facts=self.facts, rungs=[self.rung], grid=self.grid)
        return measure(
            reference, [file], metrics=metrics, tools=self.tools, runner=self.runner, work=self.work
        )["file"]
