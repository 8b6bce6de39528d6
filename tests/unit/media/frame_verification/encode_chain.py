"""Encodes and verifies a source with the pipeline's own functions, with faults injected into each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from unittest.mock import patch

from eddyline.core.processes.runner import Runner
from eddyline.media.frame_verification.comparison import FrameSamples
from eddyline.media.frame_verification.decode_command import DecodeInput, upright_chroma
from eddyline.media.frame_verification.sample_plan import plan_samples
from eddyline.media.frame_verification.source_samples import SampledFile, decode_source_samples
from eddyline.media.frame_verification.verify import verify_frames
from eddyline.media.ladder.chunks import Chunk, Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.open_source import main_video, open_source
from eddyline.media.source.probe import probe
from eddyline.media.source.remux import main_video_index
from eddyline.media.source.sniff import detect_container, read_head
from eddyline.media.source.source import SourceFacts, VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.media.video import filters
from eddyline.media.video.assemble import assemble_rendition
from eddyline.media.video.colours import is_supported_by_scale
from eddyline.media.video.encode import encode_chunk
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation, build_presentation
from eddyline.mp4.samples.random_access import is_random_access_point
from eddyline.mp4.slice import write_slice
from eddyline.pipeline.steps.samples import is_tonemapped
from eddyline.store.ranges import FileRanges


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Faults to inject.

    `facts` changes the facts of the video, `shown` the presented frames, `graph` the filter graph. Chunk i is
    cut `shift[i]` frames too late, and the chunks are joined in `order`.
    """

    facts: Callable[[VideoFacts], VideoFacts] = lambda facts: facts
    shown: Callable[[Presentation], Presentation] = lambda shown: shown
    graph: Callable[[str], str] = lambda graph: graph
    shift: Sequence[int] = ()
    order: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True)
class _Opened:
    """An open source, as the steps of the pipeline use it."""

    src: FileRanges
    movie: Movie
    track: Track
    shown: Presentation
    facts: SourceFacts
    grid: Grid
    chunks: list[Chunk]
    exact: bool


@dataclass(kw_only=True)
class EncodeChain:
    """The settings of the only rendition; `hdr` is set if the source is HDR."""

    tools: Toolchain
    work: Path
    crf: int = 23
    kbps: int = 4000
    keep_hdr: bool = False
    codec: str = "h264"
    pixel_format: str = "yuv420p"
    lines: int = 0
    gop: int = 6
    hdr: bool = False
    runner: Runner = field(default_factory=Runner)

    def verify(self, path: Path, faults: Faults | None = None) -> FrameSamples:
        """Encode one rendition of `path` and verify its frames."""
        faults = faults or Faults()
        footage = open_source(path, work=self.work, runner=self.runner, tools=self.tools)
        with FileRanges(footage.path) as src:
            facts = probe(src, footage.movie, runner=self.runner, tools=self.tools, work=self.work)
            self.hdr = facts.video.hdr
            track = main_video(footage.movie)
            shown = faults.shown(build_presentation(footage.movie, track))
            grid = Grid(gop=self.gop, segment=2 * self.gop, fps=facts.video.fps)
            opened = _Opened(
                src=src,
                movie=footage.movie,
                track=track,
                shown=shown,
                facts=facts,
                grid=grid,
                chunks=self._chunks(len(shown), grid),
                exact=footage.path == path,
            )
            assumed = faults.facts(facts.video)
            rung = self.rung(assumed)
            return self._compare(path, opened, rung, self._encode(opened, assumed, rung, faults))

    def _encode(self, opened: _Opened, assumed: VideoFacts, rung: Rung, faults: Faults) -> Path:
        graph = filters.filter_graph
        encoded = []
        for chunk in opened.chunks:
            shift = faults.shift[chunk.index] if faults.shift else 0
            folder = self.work / f"chunk-{chunk.index}"
            folder.mkdir(exist_ok=True)
            piece = write_slice(
                opened.src,
                opened.movie,
                opened.track,
                chunk.start + shift,
                chunk.stop + shift,
                folder / "slice.mp4",
                shown=opened.shown,
            )
            with patch.object(filters, "filter_graph", lambda *given: faults.graph(graph(*given))):
                (chunk_file,) = encode_chunk(
                    piece, assumed, [rung], opened.grid, tools=self.tools, runner=self.runner, out_dir=folder
                )
            encoded.append(chunk_file.path)
        out = self.work / "rendition.mp4"
        assemble_rendition(
            out,
            rung=rung,
            grid=opened.grid,
            movie=opened.movie,
            track=opened.track,
            presentation=opened.shown,
            chunks=[encoded[at] for at in faults.order or range(len(encoded))],
            src=opened.src,
            audio=[],
            facts=opened.facts,
        )
        return out

    def _compare(self, path: Path, opened: _Opened, rung: Rung, out: Path) -> FrameSamples:
        video = opened.facts.video
        plan = plan_samples(opened.shown, opened.track, video, opened.chunks, opened.grid, [rung])
        demuxer = detect_container(read_head(path))
        number = opened.track.number
        index = (
            f"i:{number}" if opened.exact else main_video_index(path, runner=self.runner, tools=self.tools)
        )
        tonemapped = is_tonemapped(video, rung)
        reading = SampledFile(
            source=DecodeInput(
                path=path,
                demuxer="mov" if demuxer == "mp4" else demuxer,
                stream=str(index),
                tonemapped=video if tonemapped else None,
                converted=None if is_supported_by_scale(video) else video,
                chroma=upright_chroma(video),
            ),
            track=opened.track,
            shown=opened.shown,
            exact=opened.exact,
            is_random_access=partial(is_random_access_point, opened.src, opened.track),
            pixels=video.width * video.height,
        )
        tools, runner, work = self.tools, self.runner, self.work
        found = decode_source_samples([reading], plan.ranges, video, tools=tools, runner=runner, work=work)
        return verify_frames(
            out,
            plan.frames[rung.name],
            found,
            rung=rung,
            grid=opened.grid,
            shown=opened.shown,
            timescale=opened.track.timescale,
            tools=tools,
            runner=runner,
            work=work,
        )

    def rung(self, facts: VideoFacts) -> Rung:
        """The rendition's rung, with the source's display size or `lines` lines."""
        width, height = facts.display_width, facts.display_height
        if self.lines:
            width, height = round(Fraction(width * self.lines, height)), self.lines
        encoder = {"h264": "libx264", "hevc": "libx265"}[self.codec]
        return Rung(
            name="rung",
            codec=self.codec,
            encoder=encoder,
            width=max(width // 2 * 2, 2),
            height=max(height // 2 * 2, 2),
            crf=self.crf,
            preset="veryfast",
            maxrate_kbps=self.kbps,
            bufsize_kbps=2 * self.kbps,
            pixel_format=self.pixel_format,
            keep_hdr=self.keep_hdr,
        )

    @staticmethod
    def _chunks(frames: int, grid: Grid) -> list[Chunk]:
        cuts = [*range(0, frames, grid.segment), frames]
        return [Chunk(index=i, start=cuts[i], stop=cuts[i + 1]) for i in range(len(cuts) - 1)]
