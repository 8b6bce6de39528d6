"""Encodes a source in chunks, assembles and packages its renditions with the pipeline's own functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.unit.media.rungs import RUNG_1080

from eddyline.core.processes.runner import Runner
from eddyline.media.ladder.chunks import Chunk, Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.open_source import main_video, open_source
from eddyline.media.source.probe import probe
from eddyline.media.source.source import SourceFacts, VideoFacts
from eddyline.media.streaming.package import package
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.assemble import assemble_rendition
from eddyline.media.video.encode import encode_chunk
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import write_slice
from eddyline.store.ranges import FileRanges

_ENCODERS = {"h264": ("libx264", "superfast"), "hevc": ("libx265", "ultrafast"), "av1": ("libsvtav1", "12")}
_GOP = 4


@dataclass(frozen=True, kw_only=True)
class EncodedLadder:
    """The facts of a source, its renditions, and the directory of its stream (None: not packaged)."""

    facts: SourceFacts
    renditions: tuple[tuple[Rung, Path], ...]
    stream: Path | None

    def init(self, rung: Rung) -> Path:
        """The initialization segment of a rung."""
        assert self.stream is not None
        return self.stream / rung.name / "init.mp4"


def make_rung(
    name: str, codec: str, width: int, height: int, *, hdr: bool = False, deep: bool = False
) -> Rung:
    """A rung that is encoded quickly and nearly without loss."""
    encoder, preset = _ENCODERS[codec]
    return replace(
        RUNG_1080,
        name=name,
        codec=codec,
        encoder=encoder,
        width=width,
        height=height,
        crf=8 if codec == "av1" else 2,
        preset=preset,
        maxrate_kbps=90_000,
        bufsize_kbps=180_000,
        pixel_format="yuv420p10le" if hdr or deep else "yuv420p",
        keep_hdr=hdr,
        level=None,
    )


def encode_ladder(
    source: Path,
    rungs: Callable[[VideoFacts], Sequence[Rung]],
    tools: Toolchain,
    work: Path,
    *,
    packaged: bool = False,
) -> EncodedLadder:
    """Encode all frames of a source in chunks of one GOP of four frames."""
    runner = Runner()
    footage = open_source(source, work=work, runner=runner, tools=tools)
    track = main_video(footage.movie)
    shown = build_presentation(footage.movie, track)
    with FileRanges(footage.path) as src:
        facts = probe(src, footage.movie, runner=runner, tools=tools, work=work)
        chosen = tuple(rungs(facts.video))
        grid = Grid(gop=_GOP, segment=_GOP, fps=facts.video.fps)
        files: list[list[Path]] = []
        for start in range(0, len(shown), _GOP):
            chunk = Chunk(index=start // _GOP, start=start, stop=min(start + _GOP, len(shown)))
            out = work / f"chunk-{chunk.index}"
            piece = write_slice(src, footage.movie, track, chunk.start, chunk.stop, work / "slice.mp4")
            encoded = encode_chunk(
                piece, facts.video, chosen, grid, tools=tools, runner=runner, out_dir=out, is_first=not start
            )
            files.append([each.path for each in encoded])
        renditions = []
        for rung, chunks in zip(chosen, zip(*files, strict=True), strict=True):
            path = work / f"{rung.name}.mp4"
            assemble_rendition(
                path,
                rung=rung,
                grid=grid,
                movie=footage.movie,
                track=track,
                presentation=shown,
                chunks=chunks,
                src=src,
                audio=[],
                facts=facts,
            )
            renditions.append((rung, path))
    if packaged:
        package(renditions, grid, tools=tools, runner=runner, out_dir=work)
    return EncodedLadder(
        facts=facts, renditions=tuple(renditions), stream=work / "stream" if packaged else None
    )
